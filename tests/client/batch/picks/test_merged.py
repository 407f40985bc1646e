"""Two copies of picks made one: the same for everybody, in whatever order, and nothing of either lost."""

from hypothesis import given, settings
from hypothesis import strategies as st

from kilnmark.client.batch.picks.document import picks_bytes, picks_of
from kilnmark.client.batch.picks.merged import merged, merged_picks
from kilnmark.client.batch.picks.said import EntryName, EntryPick, PickedPicture, Picks, PickWord, PinnedSeeds, Said

TEXT = st.text(max_size=6)
NAMES = st.sampled_from(
    [EntryName.of("ash", world, "poi", name, "landscape") for world in (None, "m") for name in "ab"]
)
TIMES = st.sampled_from(["", *(f"2026-01-0{day}T00:00:00.000000+00:00" for day in range(1, 4))])
PEOPLE = st.sampled_from(["", "ada", "bo"])
SEEDS = st.lists(st.integers(0, 9), max_size=3).map(tuple)
SAID = st.builds(Said, word=st.sampled_from(list(PickWord)), by=PEOPLE, at=TIMES, reason=TEXT)
PICTURES = st.builds(
    PickedPicture,
    sha256=st.sampled_from(["0" * 64, "1" * 64]),
    seed=st.none() | st.integers(0, 9),
    inputs=st.sampled_from(["", "x"]),
    file=TEXT,
    said=st.lists(SAID, max_size=3).map(tuple),
)
PICKS = st.lists(
    st.builds(
        EntryPick,
        entry=NAMES,
        seeds=st.none() | st.builds(PinnedSeeds, values=SEEDS, by=PEOPLE, at=TIMES, before=SEEDS),
        pictures=st.lists(PICTURES, max_size=3).map(tuple),
        rolls=st.integers(0, 3),
    ),
    max_size=3,
).map(merged_picks)
QUICK = settings(max_examples=25, deadline=None)


@QUICK
@given(PICKS, PICKS, PICKS)
def test_in_whatever_order_and_however_often_copies_are_merged_the_same_comes_out(a: Picks, b: Picks, c: Picks) -> None:
    assert merged(a, b) == merged(b, a)
    assert merged(merged(a, b), c) == merged(a, merged(b, c))
    assert merged(a, a) == a
    assert merged(merged(a, b), b) == merged(a, b)
    assert merged(a, Picks()) == a


@QUICK
@given(PICKS, PICKS)
def test_the_last_word_of_each_person_and_the_last_seeds_are_those_of_one_of_the_two(a: Picks, b: Picks) -> None:
    both = merged(a, b)
    for copy in (a, b):
        for pick in copy.entries:
            after = both.of_entry(pick.entry)
            assert after.rolls >= pick.rolls
            assert pick.seeds is None or (after.seeds is not None and after.seeds.order >= pick.seeds.order)
            for picture in pick.pictures:
                now = after.picture(picture.sha256)
                assert now is not None
                last = {each.by: each for each in now.said}
                assert all(last[each.by].order >= each.order for each in picture.said)


@QUICK
@given(PICKS)
def test_what_is_written_is_read_as_the_same(picks: Picks) -> None:
    assert picks_of(picks_bytes(picks), "picks.yaml") == picks


@QUICK
@given(st.text(min_size=1, max_size=40).filter(lambda text: text.strip()))
def test_any_name_and_any_reason_is_text_again(text: str) -> None:
    entry = EntryName.of("no", "2024-01-01", "portrait", text, "1e3")
    said = Said(word=PickWord.REJECTED, by=text, at="2026-01-01T00:00:00.000000+00:00", reason=text)
    picture = PickedPicture(sha256="0" * 64, file=text, said=(said,))
    picks = Picks.of([EntryPick(entry=entry, pictures=(picture,))])
    assert picks_of(picks_bytes(picks), "picks.yaml") == picks
