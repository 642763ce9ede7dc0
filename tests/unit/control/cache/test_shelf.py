from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from bascule.control.cache import keys, names, record, scope, shelf
from bascule.vocabulary import objects

NAMES = st.text("ab-.", min_size=1, max_size=3)
KEYS = st.builds(objects.Key, st.sampled_from(["root", "root-2", "a"]), st.sampled_from(["", "a", "a-b", "b"]), NAMES)
SCOPES = st.builds(
    scope.Scope, st.sampled_from([None, "root", "none"]), st.sampled_from([None, "", "a", "a-b", "none"])
)


@given(st.lists(st.tuples(KEYS, st.booleans())), SCOPES, KEYS)
def test_a_shelf_keeps_the_store_s_order(steps, within, after):
    kept, model = shelf.Shelf(), {}
    for revision, (key, puts) in enumerate(steps, 1):
        if puts:
            before = model.get(key)
            model[key], previous = kept.put(key, revision, record.draft({"metadata": {"name": key.name}}, {}))
            assert (model[key].key, model[key].revision, previous) == (key, revision, before)
        else:
            assert kept.remove(key) is model.pop(key, None)
    wanted = [model[key] for key in sorted(model, key=lambda key: keys.text("/core/pods/", key)) if within.holds(key)]
    assert list(kept.records(within)) == wanted
    later = [shown for shown in wanted if keys.order(shown.key) > keys.order(after)]
    assert list(kept.records(within, after)) == later
    assert (kept.count(within), kept.count(within, after)) == (len(wanted), len(later))
    assert list(kept.named(within, "a")) == [shown for shown in wanted if shown.key.name == "a"]
    assert len(kept) == len(model)
    assert kept.size_bytes == sum(shown.size_bytes() for shown in model.values())


def test_names_stay_sorted_through_many_blocks():
    chance = random.Random(1)
    kept, model = names.Names(), set()
    for _ in range(20_000):
        name = f"{chance.randrange(8000):05}"
        if name not in model:
            kept.add(name)
            model.add(name)
        elif chance.random() < 0.8:
            kept.remove(name)
            model.remove(name)
    wanted = sorted(model)
    assert list(kept.after("")) == wanted
    for name in ("00000", "04000", "04000x", "07999", "9"):
        above = [one for one in wanted if one > name]
        assert list(kept.after(name)) == above
        assert kept.count_after(name) == len(above)


@given(KEYS)
def test_keys_come_back_from_their_text(key):
    for group in ("", "apps"):
        name = keys.prefix(group, "pods")
        assert keys.parse(keys.text(name, key)) == keys.Place(name, key)
