"""The whole walk in Chromium on a real clip, on what `make demo` starts: from a raw video to verified deliverables."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from frontend.demo import PASSWORD
from tests.browser.conftest import ROOT, Person, Site
from tests.browser.workbench import Workbench

pytestmark = pytest.mark.browser

PATIENCE = 420.0  # seconds; two cores compute every layer of 292 frames at 720p, and of the demo's own clips
MS = 1000


@dataclass
class App:
    """What `manage.py up --demo` runs."""

    url: str
    home: Path
    chromium: Browser

    def log_in(self, name: str) -> Person:
        context = self.chromium.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
        page = context.new_page()
        page.goto(f"{self.url}/login/")
        page.fill("input[name=username]", name)
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(f"{self.url}/")
        page.close()
        return Person(Site(url=self.url, home=self.home, clip=0), context)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[App]:
    home = tmp_path_factory.mktemp("walk")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    left_out = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "DEBUG"}
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    command = [sys.executable, "manage.py", "up", "--demo", "--port", str(port)]
    log = home / "up.log"
    with log.open("w") as sink:
        up = subprocess.Popen(command, cwd=ROOT, env=environment | {"LOUPE_HOME": str(home)}, stdout=sink, stderr=sink)
    try:
        _until(lambda: "Loupe is on" in log.read_text(), alive=up, log=log)
        yield App(f"http://127.0.0.1:{port}", home, chromium)
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(60)
        # Ctrl-C stops everything that was started, the worker's own processes too.
        left = subprocess.run(["pgrep", "-f", str(home)], capture_output=True, text=True, check=False).stdout.split()
        assert left == [], f"still running after Ctrl-C: {left}"


def test_the_planted_fault_waits_for_qa_with_its_evidence(app: App) -> None:
    quinn = app.log_in("quinn")

    def flags() -> Any:
        found = quinn.call("GET", "projects/demo/flags/?state=open").json()["results"]
        return [flag for flag in found if flag["task"]]

    [flag, *_] = _until(flags)
    page = quinn.open("/projects/demo/flags/")
    page.get_by_role("link", name=re.compile(re.escape(flag["reason"][:40]))).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(flag["reason"][:40])
    evidence = page.locator(f"img[src*='/api/flags/{flag['id']}/evidence/']").first
    _until(lambda: evidence.evaluate("image => image.complete && image.naturalWidth > 0"))
    page.get_by_role("link", name=re.compile("workbench", re.IGNORECASE)).first.click()
    page.wait_for_selector("body[data-ready]")
    expect(page.locator("#frame-number")).to_have_value(str(flag["start"]))
    expect(page.locator("#flag-reason")).to_contain_text(flag["reason"][:40])
    quinn.context.close()


def test_a_raw_video_becomes_verified_deliverables(app: App, samples: Path, tmp_path: Path) -> None:
    maria = app.log_in("maria")
    slug = _make_project(maria)
    clip = _upload(maria, slug, samples / "blocks.mp4")
    task = _wait_for_layers(maria, slug, clip)

    ana = app.log_in("ana")
    assert _take_next(ana, slug) == task
    _annotate(ana, task, by_hand=False)
    quinn = app.log_in("quinn")
    page = quinn.open(f"/projects/{slug}/reviews/{task}/")
    ask = page.get_by_role("button", name="Ask for a second opinion")
    # The project's share of second opinions, drawn by the installation's secret, may have asked already.
    if ask.is_visible():
        ask.click()
        page.wait_for_load_state()
    ben = app.log_in("ben")
    second = _take_next(ben, slug)
    assert second != task
    _annotate(ben, second, by_hand=True)

    _until(lambda: quinn.call("GET", f"tasks/{task}/agreement/").status == 200)
    page.goto(f"{app.url}/projects/{slug}/reviews/{task}/")
    expect(page.get_by_role("heading", name="IoU per label")).to_be_visible()
    page.get_by_role("button", name="Accept").click()
    page.wait_for_load_state()
    assert quinn.call("GET", f"tasks/{task}/").json()["state"] == "accepted"

    for kind, check in (("coco", _check_coco), ("clip_folder", _check_folder)):
        folder = _deliver(maria, slug, kind, tmp_path)
        subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder, check=True)
        check(folder, samples / "blocks.mp4")
    for person in (maria, ana, quinn, ben):
        person.context.close()


def _make_project(maria: Person) -> str:
    page = maria.open("/projects/")
    page.get_by_label("Name", exact=True).fill("Letter blocks")
    page.get_by_label("Short name").fill("letter-blocks")
    page.get_by_role("button", name="Make the project").click()
    page.wait_for_url("**/projects/letter-blocks/**")
    page.goto(f"{maria.site.url}/projects/letter-blocks/settings/people/")
    for name, role in (("quinn", "qa_lead"), ("ana", "annotator"), ("ben", "annotator")):
        page.get_by_label("Username").fill(name)
        page.get_by_label("Role", exact=True).select_option(role)
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_label(f"Role of {name}")).to_have_value(role)
    page.close()
    return "letter-blocks"


def _upload(maria: Person, slug: str, file: Path) -> int:
    page = maria.open(f"/projects/{slug}/uploads/")
    page.locator("#files").set_input_files(file)
    arrived = page.locator("#received").get_by_role("link", name=file.name)
    expect(arrived).to_be_visible(timeout=PATIENCE * MS)
    arrived.click()
    page.wait_for_url("**/clips/*/")
    expect(page.get_by_text(re.compile(r"29\.97\d* frames/s"))).to_be_visible()
    clip = int(page.url.rstrip("/").rsplit("/", 1)[1])
    page.close()
    return clip


def _wait_for_layers(maria: Person, slug: str, clip: int) -> int:
    """Progress arrives on the open page by itself; the clip's task is there when the layers are."""
    page = maria.open(f"/clips/{clip}/")
    expect(page.locator("tr", has_text="segmentation").get_by_text("Done").first).to_be_visible(timeout=PATIENCE * MS)
    layers = _until(
        lambda: [
            layer for layer in maria.call("GET", f"clips/{clip}/layers/").json() if layer["state"] != "superseded"
        ],
        lambda found: found and all(layer["state"] in {"done", "no_engine", "failed"} for layer in found),
    )
    states = {layer["layer"]: layer["state"] for layer in layers}
    assert "failed" not in states.values(), states
    assert {states[name] for name in ("metadata", "keyframes", "flow", "segmentation", "actions", "embeddings")} == {
        "done"
    }
    assert states["depth"] == "no_engine"
    page.close()
    [task] = maria.call("GET", f"projects/{slug}/tasks/?clip={clip}").json()["results"]
    return int(task["id"])


def _take_next(person: Person, slug: str) -> int:
    page = person.open(f"/projects/{slug}/")
    page.get_by_role("button", name=re.compile("next task")).first.click()
    page.wait_for_url("**/tasks/*/")
    task = int(re.findall(r"/tasks/(\d+)/", page.url)[0])
    page.close()
    return task


def _annotate(person: Person, task: int, *, by_hand: bool) -> None:
    """Two masks corrected (or drawn), an action segment described, and the task submitted."""
    bench = Workbench(person, task)
    if by_hand:
        bench.press("b", "]", "]", "]", "]")
        bench.drag([(330, 140), (380, 200), (420, 260)])
        bench.press("n")
        bench.drag([(700, 240), (720, 260)])
    else:
        accept = bench.page.locator("#proposals").get_by_role("button", name=re.compile("^Accept"))
        for number in (1, 2):
            accept.first.click()
            expect(bench.page.locator("#objects .row")).to_have_count(number)
        for row, tool in ((0, "b"), (1, "e")):
            frame, box = _first_mask(person, task, row)
            bench.go(frame)
            bench.page.locator("#objects .row").nth(row).click()
            bench.press(tool)
            bench.drag([(box[0] + 3, box[1] + 3), (box[0] + box[2] / 2, box[1] + box[3] / 2)])
    bench.go(30)
    bench.press("i")
    bench.go(75)
    bench.press("o")
    bench.page.get_by_label("Action", exact=True).select_option("place")
    bench.page.get_by_label("Phase").select_option("place")
    for n, words in enumerate(("Put the block down.", "Place the letter block.", "Set the cube on the mat."), 1):
        bench.page.get_by_label(f"Instruction {n}").fill(words)
    bench.page.get_by_label("Instruction 3").blur()
    bench.wait_until_saved()
    bench.page.locator("#submit").click()
    # Hand-made work on one frame of many has its warnings.
    asked, done = bench.page.locator("#submit-confirm"), bench.page.locator("#readonly")
    asked.or_(done).filter(visible=True).first.wait_for()
    if asked.is_visible():
        asked.click()
    _until(lambda: person.call("GET", f"tasks/{task}/").json()["state"] == "submitted", seconds=30)
    assert bench.complaints == []
    bench.page.close()


def _first_mask(person: Person, task: int, row: int) -> tuple[int, list[float]]:
    """The first frame on which a track has a mask, and the mask's box."""
    work = person.call("GET", f"tasks/{task}/work/").json()
    track = sorted(work["tracks"], key=lambda track: track["number"])[row]
    mask = min((mask for mask in work["masks"] if mask["track"] == track["id"]), key=lambda mask: mask["frame"])
    return mask["frame"], mask["bbox"]


def _deliver(maria: Person, slug: str, kind: str, tmp_path: Path) -> Path:
    page = maria.open(f"/projects/{slug}/deliveries/")
    page.locator(f"input[name=format][value={kind}]").check()
    page.get_by_role("button", name="Deliver", exact=True).click()
    done = _until(
        lambda: maria.call("GET", f"projects/{slug}/deliveries/").json()["results"][0],
        lambda row: row["format"] == kind and row["state"] in {"done", "failed"},
    )
    assert done["state"] == "done", done
    page.goto(f"{maria.site.url}/deliveries/{done['id']}/")
    expect(page.get_by_text("verified")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("Download all")).click()
    archive = tmp_path / f"{kind}.tar"
    download.value.save_as(archive)
    page.close()
    target = tmp_path / kind
    with tarfile.open(archive) as file:
        file.extractall(target, filter="data")
    inner = [path.parent for path in target.rglob("SHA256SUMS")]
    return min(inner, key=lambda path: len(path.parts))


def _check_coco(folder: Path, source: Path) -> None:
    truth = COCO(str(folder / "annotations" / "instances.json"))
    assert len(truth.anns) >= 2
    found = [
        {"image_id": a["image_id"], "category_id": a["category_id"], "segmentation": a["segmentation"], "score": 1.0}
        for a in truth.anns.values()
    ]
    score = COCOeval(truth, truth.loadRes(found), "segm")
    score.evaluate()
    score.accumulate()
    score.summarize()
    assert score.stats[0] == pytest.approx(1.0)


def _check_folder(folder: Path, source: Path) -> None:
    [clip] = [path for path in folder.rglob("clip_*") if path.is_dir()]
    names = ("video.mp4", "metadata.json", "manifest.json", "flow/flow_000.npy", "segmentation/masks.json")
    for name in (*names, "segmentation/tracking.json", "actions/segments.json"):
        assert (clip / name).is_file(), name
    # 300 frames by the container's word, 292 by the decoder's; what counts is that each is the source's, bit for bit.
    assert _frame_hashes(clip / "video.mp4") == _frame_hashes(source)
    segments = json.loads((clip / "actions/segments.json").read_text())
    assert "Put the block down." in json.dumps(segments)


def _frame_hashes(video: Path) -> list[str]:
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        str(video),
        "-map",
        "0:v:0",
        "-fps_mode",
        "passthrough",
        "-f",
        "framemd5",
        "-",
    ]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.rsplit(",", 1)[1].strip() for line in lines if not line.startswith("#")]


def _until(
    look: Callable[[], Any],
    done: Callable[[Any], Any] = bool,
    *,
    seconds: float = PATIENCE,
    alive: subprocess.Popen[bytes] | None = None,
    log: Path | None = None,
) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if done(seen):
            return seen
        said = log.read_text()[-2000:] if log else ""
        assert alive is None or alive.poll() is None, f"It stopped by itself:\n{said}"
        assert time.monotonic() < deadline, f"Nothing came of it in {seconds:.0f} s; last seen: {seen}\n{said}"
        time.sleep(0.5)
