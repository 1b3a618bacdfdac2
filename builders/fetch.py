"""Wheels come to this machine, as their publishers made them, and are kept by their sha256.

From where it is quickest: kept already, beside the app, in a folder of `find_links`, else from the
address that the index has for it.  What cannot be had like that (an index that asks who one is,
sources to be built, no network and a warm cache of uv's) `uv` installs, and it is packed again.
The files are the same in either case; how they are compressed may differ.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from .archive import zip_bytes
from .choose import Choice, compiled
from .content import held
from .lockfile import Package
from .requirements import Requirement
from .wheels import Changed, Wheel, contents, keep, open_wheel, place_of, record_text
from .whole import write_whole

AT_ONCE, SECONDS = 8, 60.0
# Puts what uv installs of some packages into a folder.
Fill = Callable[[Path, Sequence[Package]], None]


def wheels(
    choice: Choice, packages: Sequence[Package], store: Path, scratch: Path, fill: Fill
) -> list[Wheel]:
    """A wheel of each package, in their order.

    store: the folder of kept wheels; scratch: a folder for what is packed here; fill: installs
    packages into a folder, and raises `CannotResolve` when that cannot be
    """
    known = {each.name: _sha256(each, choice) for each in packages}
    found: dict[str, Path] = {}
    missing = []
    for each in packages:
        if path := _at_hand(each, known[each.name], choice, store):
            found[each.name] = path
        else:
            missing.append(each)
    if missing and not choice.offline:
        found |= _downloaded(choice, missing, store)
    made = {name: _opened(path, known[name]) for name, path in found.items()}
    rest = [each for each in packages if each.name not in made]
    if rest:
        made |= installed(rest, scratch, fill)
    for name, wheel in made.items():
        if wheel.is_loose:
            made[name] = _packed(contents(wheel), wheel.record, scratch)
    return [made[each.name] for each in packages]


def _sha256(package: Package, choice: Choice) -> str:
    """Of the wheel; "" for what is built of sources by an index's name."""
    if own := choice.local.get(package.name):
        return own.wheel_sha256
    return "" if package.is_source else package.sha256


def _at_hand(package: Package, sha256: str, choice: Choice, store: Path) -> Path | None:
    """A wheel that needs no network, among the kept ones; None when there is none."""
    if not sha256:
        return None
    if (kept := store / f"{sha256}.whl").exists():
        return kept
    own = choice.local.get(package.name)
    for path in [own.wheel] if own else [each / package.file for each in choice.links]:
        try:
            return keep(path, sha256, store)
        except (Changed, FileNotFoundError):
            continue  # uv says what is wrong with it
    return None


def _opened(path: Path, sha256: str) -> Wheel:
    try:
        return open_wheel(path, sha256)
    except Changed:
        path.unlink(missing_ok=True)
        raise


def _downloaded(choice: Choice, packages: Sequence[Package], store: Path) -> dict[str, Path]:
    """Those that could be fetched, by name: checked against their sha256, then whole, then kept."""
    import httpx

    wanted = [each for each in packages if not each.is_source and each.sha256]
    if not wanted:
        return {}
    places = _addresses(choice, wanted)
    wanted = [e for e in wanted if places.get(e.sha256, "").startswith(("http://", "https://"))]

    def fetch(package: Package) -> Path | None:
        draft = Path(folder) / package.file
        try:
            with client.stream("GET", places[package.sha256]) as answer, draft.open("wb") as file:
                answer.raise_for_status()
                for piece in answer.iter_bytes():
                    file.write(piece)
            return keep(draft, package.sha256, store)
        except (httpx.HTTPError, httpx.InvalidURL, Changed):
            return None  # uv tries in its own way, and says what is wrong
        finally:
            draft.unlink(missing_ok=True)

    store.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=".draft-", dir=store) as folder,
        httpx.Client(follow_redirects=True, timeout=SECONDS) as client,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        made = list(pool.map(fetch, wanted))
    return {each.name: path for each, path in zip(wanted, made, strict=True) if path}


def _addresses(choice: Choice, packages: Sequence[Package]) -> dict[str, str]:
    """Where the index has each wheel, by sha256."""
    found = {each.sha256: each.url for each in packages if each.url}
    named = [each for each in packages if not each.url]
    pins = tuple(Requirement(f"{each.name}=={each.version}", "") for each in named)
    asked = replace(choice.asked, requirements=pins, constraints=(), pinned=True)
    alone = replace(choice, asked=asked, local={}, preferences={})
    for each in compiled(alone, choice.target.next_uv_platform) if pins else ():
        for wheel in each.get("wheels", ()):
            found[str(wheel.get("hashes", {}).get("sha256", ""))] = str(wheel.get("url", ""))
    return found


def installed(packages: Sequence[Package], scratch: Path, fill: Fill) -> dict[str, Wheel]:
    """What uv installs, packed again, each distribution for itself."""
    folder = Path(tempfile.mkdtemp(prefix="filled-", dir=scratch))
    fill(folder, packages)
    records = {_name(each): each for each in folder.glob("*.dist-info/RECORD")}
    places = {name: _places(record) for name, record in records.items()}
    made = {}
    for each in packages:
        name = each.name.replace("-", "_")
        others = {place for other, theirs in places.items() if other != name for place in theirs}
        home, record = folder, records[name]
        if others.intersection(places[name]):  # whose files lie there is not known
            home = Path(tempfile.mkdtemp(prefix="alone-", dir=scratch))
            fill(home, [each])
            record = next(home.glob("*.dist-info/RECORD"))
        files = {p: path.read_bytes() for p in _places(record) if (path := home / p).is_file()}
        made[each.name] = _packed(files, f"{record.parent.name}/RECORD", scratch)
    return made


def _name(record: Path) -> str:
    name = record.parent.name.partition("-")[0]
    return name.lower().replace(".", "_").replace("-", "_")


def _places(record: Path) -> list[str]:
    """The files that a distribution was installed as."""
    with record.open(encoding="utf-8", newline="") as lines:
        named = [line[0] for line in csv.reader(lines) if line]
    return [each for each in named if not each.startswith(("../", "/")) and place_of(each, "")]


def _packed(files: Mapping[str, bytes], record: str, scratch: Path) -> Wheel:
    """An archive of one distribution's files, made here."""
    given = held(files)
    told = {place: (each.sha256, each.size) for place, each in given.items()}
    given |= held({record: record_text(told, record).encode()})
    path = scratch / f"{record.partition('/')[0]}.zip"
    write_whole(path, zip_bytes(given))
    return open_wheel(path)
