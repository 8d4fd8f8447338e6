"""Profiles, gfp masks and rules are values."""

import pickle

import pytest

import ringfence
from ringfence import GFP_ATOMIC, GFP_KERNEL, GFP_NOFS, GFP_NOIO, GFP_NOWAIT, Gfp, gfp
from ringfence.errors import GfpError, ProfileError
from ringfence.gfp import FLAG_DIRECT_RECLAIM, FLAG_FS, FLAG_IO, FLAG_NOWARN
from ringfence.lockdep import Profile


def test_profiles() -> None:
    assert Profile() == Profile("6.12")
    assert Profile.names() == ["5.9", "6.12", "next"]
    assert Profile("6.12", annotation="read_trylock") == Profile("next")
    assert hash(Profile("6.12", annotation="read_trylock")) == hash(Profile("next"))
    assert Profile("5.9") != Profile("6.12")
    assert repr(Profile("6.12", mmu_notifier=False)) == "Profile('6.12', mmu_notifier=False)"
    assert repr(Profile("6.12", mmu_notifier=True)) == "Profile('6.12')"
    assert repr(Profile("next", limits="kernel")) == "Profile('next', limits='kernel')"
    assert Profile("5.9").name == "5.9"
    assert set(Profile().switches) == set(Profile.switch_names())
    assert Profile().switches["annotation"] == "read"
    assert Profile().switches["mmu_notifier"] is True
    assert Profile.from_settings("6.12", ["mmu_notifier=off"]) == Profile(mmu_notifier=False)


@pytest.mark.parametrize(
    "profile", [Profile(), Profile("next", lockdep=False), Profile("5.9", limits="kernel", annotation="read")]
)
def test_profiles_are_picklable(profile: Profile) -> None:
    copy = pickle.loads(pickle.dumps(profile))  # noqa: S301 - our own
    assert (copy, repr(copy)) == (profile, repr(profile))


def test_bad_profiles() -> None:
    with pytest.raises(ProfileError, match=r"unknown profile `6\.1`; expected one of 5\.9, 6\.12, next"):
        Profile("6.1")
    with pytest.raises(
        ProfileError, match="`annotation` does not take `write`; expected read or read_trylock"
    ):
        Profile(annotation="write")  # type: ignore[arg-type]
    with pytest.raises(ProfileError, match="not of the form KEY=VALUE"):
        Profile.from_settings("6.12", ["x"])
    with pytest.raises(TypeError, match="mmu_notifer"):
        Profile(mmu_notifer=False)  # type: ignore[call-arg]


def test_gfp_masks() -> None:
    assert str(GFP_KERNEL) == "GFP_KERNEL"
    assert repr(GFP_KERNEL | FLAG_NOWARN) == "Gfp('GFP_KERNEL|__GFP_NOWARN')"
    assert GFP_KERNEL & ~FLAG_FS == GFP_NOFS
    assert GFP_NOFS & ~FLAG_IO == GFP_NOIO
    assert FLAG_DIRECT_RECLAIM in GFP_NOIO
    assert FLAG_DIRECT_RECLAIM not in GFP_ATOMIC
    assert FLAG_DIRECT_RECLAIM not in GFP_NOWAIT
    assert hash(Gfp("GFP_KERNEL")) == hash(GFP_KERNEL)
    assert ~~GFP_KERNEL == GFP_KERNEL
    nothing = GFP_KERNEL & ~GFP_KERNEL
    assert (bool(nothing), str(nothing), nothing | GFP_NOFS, GFP_NOFS | nothing) == (
        False,
        "0",
        GFP_NOFS,
        GFP_NOFS,
    )
    for mask in (GFP_KERNEL, nothing, ~nothing, ~GFP_KERNEL):
        assert pickle.loads(pickle.dumps(mask)) == mask  # noqa: S301 - our own
        assert Gfp(str(mask)) == mask


def test_every_mask_is_what_its_name_says() -> None:
    for name in gfp.__all__:
        mask = getattr(gfp, name)
        if isinstance(mask, Gfp):
            assert mask == Gfp(name.replace("FLAG_", "__GFP_"))
            assert ~mask & mask == Gfp("0")
            assert (~mask | mask) == ~Gfp("0")


def test_bad_gfp_masks() -> None:
    with pytest.raises(GfpError, match="unknown gfp flag `GFP_KERNAL`; expected names such as GFP_KERNEL"):
        Gfp("GFP_KERNAL")
    with pytest.raises(TypeError):
        GFP_KERNEL | 1  # type: ignore[operator]


def test_rules() -> None:
    codes = [rule.code for rule in ringfence.rules()]
    assert codes == sorted(set(codes))
    for rule in ringfence.rules():
        assert rule.markdown.startswith(f"# {rule.code} {rule.name}\n")
        assert rule.summary.endswith(".")
        assert repr(rule) == f"<Rule {rule.code} {rule.name}>"
