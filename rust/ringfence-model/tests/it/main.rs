//! The model, concept by concept.

mod build;
mod chaos;
mod engine;
mod irq;
mod kthread_worker;
mod later;
mod locks;
mod rcu;
mod run;
mod tasklet;
mod timer;
mod workqueue;
