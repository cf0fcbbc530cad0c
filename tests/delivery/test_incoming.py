"""Action segments that were labelled elsewhere, taken in frame by frame."""

from __future__ import annotations

import contextlib
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from hypothesis import example, given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from annotation import clips, tasks
from annotation.geometry import timebase
from annotation.models import Clip, History, Project, Segment, SegmentRevision, Task, Track
from annotation.plugins import DuplicatePlugin, Registry, UnknownPlugin
from annotation.work import WorkSegment, load_segments
from delivery import incoming, timelines
from delivery.errors import BadRequest
from delivery.timeline_readers import READERS, ClipFacts, Unreadable
from tests.delivery.conftest import Deliver

CSV = """start_frame,end_frame,action,phase,confidence,instruction_1,instruction_2
2,12,pick,grasp,0.9,Pick it up.,"Take it, then hold it."
12,20,place,,,,
"""


@pytest.fixture
def mine(task: Task, bob: User) -> Task:
    return tasks.claim(task=task, user=bob)


def take(task: Task, by: User, content: str | bytes, name: str = "labels.csv", **more: Any) -> incoming.Taken:
    data = content.encode() if isinstance(content, str) else content
    return incoming.take_segments(task=task, content=data, name=name, by=by, **more)


def told(task: Task) -> list[tuple[int, int, str, str, str]]:
    return [(one.start, one.end, one.level, one.action, one.phase) for one in load_segments(task)]


def test_a_table_becomes_segments_that_know_their_file(mine: Task, bob: User) -> None:
    taken = take(mine, bob, CSV)
    assert told(mine) == [(2, 12, "primitive", "pick", "grasp"), (12, 20, "primitive", "place", "")]
    first = load_segments(mine)[0]
    assert (first.instructions, first.confidence) == (("Pick it up.", "Take it, then hold it."), 0.9)
    assert SegmentRevision.objects.first().prompts == [{"imported": "labels.csv", "format": "csv"}]  # type: ignore[union-attr]
    assert History.objects.filter(verb="imported segments").get().data["segments"] == len(taken.made) == 2


def test_the_same_file_again_adds_nothing(mine: Task, bob: User) -> None:
    take(mine, bob, CSV)
    again = take(mine, bob, CSV)
    assert (list(again.made), again.known, Segment.objects.count()) == ([], 2, 2)


def test_times_are_put_on_the_frame_edges_of_the_clip(mine: Task, bob: User, clip: Clip) -> None:
    seconds = clips.index(clip).seconds
    start, end = timebase.span(seconds, 3, 9)
    take(mine, bob, f"start_time;end_time;label\n{start:.3f};{end:.3f};pick\n".replace(".", ","))
    assert told(mine) == [(3, 9, "primitive", "pick", "")]


def test_what_lies_outside_of_the_task_is_left_out_and_said(
    project: Project, clip: Clip, bob: User, task: Task
) -> None:
    Task.objects.filter(pk=task.pk).update(start=5, end=15)
    task.refresh_from_db()
    tasks.claim(task=task, user=bob)
    taken = take(task, bob, "start,end,action\n0,4,pick\n3,8,pick\n12,20,place\n")
    assert told(task) == [(5, 8, "primitive", "pick", ""), (12, 15, "primitive", "place", "")]
    assert list(taken.left_out) == ["line 2: the task has frames 5 to 14, but not frames 0 to 3."]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "first line must name the columns"),
        ("start,end,action\n1,x,pick\n", "line 2 the end is 'x'"),
        ("start,end,action\n9,3,pick\n", "from 9 to 3 has no frame"),
        ("start,end,action\n0,99999,pick\n", "another clip"),
        ("start,end,action,confidence\n0,9,pick,7\n", "from 0 to 1"),
        ("start,end,action\n0,9,pik\n", r"'pik' \(is it pick\?\)"),
        ("start,end,action,level\n0,9,pick,deep\n", "task or primitive"),
        (b"start,end,action\n0,9,\xff\n", "UTF-8"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_the_place_and_nothing_is_written(
    mine: Task, bob: User, content: str | bytes, says: str
) -> None:
    with pytest.raises(BadRequest, match=says):
        take(mine, bob, content)
    assert not Segment.objects.exists()


def test_their_words_are_translated(mine: Task, bob: User) -> None:
    text = "start,end,action\n0,9,Reach for it\n9,12,GRASP\n12,14,nothing\n"
    take(mine, bob, text, words={"Reach for it": "pick", "nothing": ""})
    assert told(mine) == [
        (0, 9, "primitive", "pick", ""), (9, 12, "primitive", "", "grasp"), (12, 14, "primitive", "", "")
    ]  # fmt: skip
    with pytest.raises(BadRequest, match="no class or phase fly"):
        take(mine, bob, text, words={"nothing": "fly"})


def test_a_trial_does_nothing(mine: Task, bob: User) -> None:
    assert take(mine, bob, CSV, trial=True).made == []
    assert not Segment.objects.exists()


ELAN = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT FORMAT="3.0" VERSION="3.0">
  <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"><MEDIA_DESCRIPTOR MEDIA_URL="file:///a.mp4" {origin}/></HEADER>
  <TIME_ORDER>
    <TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="{a}"/><TIME_SLOT TIME_SLOT_ID="ts2"/>
    <TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="{b}"/>
  </TIME_ORDER>
  <TIER LINGUISTIC_TYPE_REF="t" TIER_ID="whole">
    <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts3">
      <ANNOTATION_VALUE>pick</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
  </TIER>
  <TIER LINGUISTIC_TYPE_REF="s" TIER_ID="steps" PARENT_REF="whole">
    <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
      <ANNOTATION_VALUE>pick</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
    <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a3" TIME_SLOT_REF1="ts2" TIME_SLOT_REF2="ts3">
      <ANNOTATION_VALUE>place</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
  </TIER>
  <TIER LINGUISTIC_TYPE_REF="r" TIER_ID="Phase" PARENT_REF="steps">
    <ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a4" ANNOTATION_REF="a2">
      <ANNOTATION_VALUE>grasp</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
  </TIER>
  <TIER LINGUISTIC_TYPE_REF="r" TIER_ID="says" PARENT_REF="steps">
    <ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a5" ANNOTATION_REF="a2">
      <ANNOTATION_VALUE>Nimm den Würfel.</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
  </TIER>
</ANNOTATION_DOCUMENT>"""


@pytest.mark.parametrize("origin", [0, 100])
def test_elan_tiers_become_levels_phases_and_texts(mine: Task, bob: User, clip: Clip, origin: int) -> None:
    seconds = clips.index(clip).seconds
    start, end = (round(1000 * float(seconds[frame])) - origin for frame in (4, 12))
    text = ELAN.format(a=start, b=end, origin=f'TIME_ORIGIN="{origin}"' if origin else "")
    take(mine, bob, text, name="session.eaf")
    assert sorted(told(mine)) == [
        (4, 8, "primitive", "pick", "grasp"),
        (4, 12, "task", "pick", ""),
        (8, 12, "primitive", "place", ""),
    ]
    [step] = [one for one in load_segments(mine) if one.phase]
    assert step.instructions == ("Nimm den Würfel.",)


@pytest.mark.parametrize(
    "text",
    [
        "<a/>",
        "not xml",
        '<!DOCTYPE x [<!ENTITY a "aaaa">]><ANNOTATION_DOCUMENT>&a;</ANNOTATION_DOCUMENT>',
        ELAN.format(a=0, b="soon", origin=""),
        ELAN.format(a=0, b=400, origin="").replace('REF2="ts3"', 'REF2="ts9"'),
    ],
)
def test_what_is_no_elan_document_is_refused(mine: Task, bob: User, text: str) -> None:
    with pytest.raises(Unreadable):
        take(mine, bob, text, name="session.eaf")


def studio(name: str, *ranges: tuple[int, int, str]) -> dict[str, Any]:
    results = [
        {"type": "timelinelabels", "value": {"ranges": [{"start": a, "end": b}], "timelinelabels": [label]}}
        for a, b, label in ranges
    ]
    return {
        "id": 7,
        "data": {"video": f"/data/upload/1/1a2b3c4d-{name}"},
        "annotations": [{"id": 3, "result": results}],
    }


def test_label_studios_frames_count_from_one_and_include_the_last(mine: Task, bob: User, clip: Clip) -> None:
    export = [studio("other.mp4", (1, 3, "place")), studio(clip.source_name, (1, 6, "pick"), (7, 9, "place"))]
    take(mine, bob, json.dumps(export), name="export.json")
    assert told(mine) == [(0, 6, "primitive", "pick", ""), (6, 9, "primitive", "place", "")]


def test_label_studios_newest_finished_annotation_counts(mine: Task, bob: User, clip: Clip) -> None:
    task = studio(clip.source_name, (1, 6, "pick"))
    newer = studio(clip.source_name, (2, 4, "place"))["annotations"][0] | {"id": 9, "updated_at": "2026-02-01"}
    cancelled = newer | {"id": 10, "updated_at": "2026-03-01", "was_cancelled": True, "result": []}
    task["annotations"] += [newer, cancelled]
    take(mine, bob, json.dumps([task]), name="export.json")
    assert told(mine) == [(1, 4, "primitive", "place", "")]


def test_label_studios_short_form_is_read_and_a_wrong_range_refused(mine: Task, bob: User) -> None:
    label: dict[str, Any] = {"ranges": [{"start": 3, "end": 5}], "timelinelabels": ["pick"]}
    short = [{"id": 1, "video": "x.mp4", "videoLabels": [label]}]
    take(mine, bob, json.dumps(short), name="min.json")
    assert told(mine) == [(2, 5, "primitive", "pick", "")]
    label["ranges"][0]["start"] = 0
    with pytest.raises(Unreadable, match="frames from 1 on"):
        take(mine, bob, json.dumps(short), name="min.json")
    with pytest.raises(Unreadable, match="none of them"):
        take(mine, bob, json.dumps([studio("a.mp4", (1, 2, "pick")), studio("b.mp4", (1, 2, "pick"))]), name="e.json")


@pytest.mark.parametrize("file", ["csv", "json"])
def test_what_is_delivered_is_read_back_the_same(
    drawn: list[Any], deliver: Deliver, project: Project, clip: Clip, bob: User, file: str
) -> None:
    before = [_said(one) for one in _all(clip)]
    made = deliver("segments", options={"file": file})
    assert made.state == "done", made.reason
    content = (made.folder / f"segments.{file}").read_bytes()
    Segment.objects.all().update(head=None)
    fresh = tasks.claim(
        task=Task.objects.create(project=project, clip=clip, start=0, end=clip.frame_count - 1), user=bob
    )
    Track.objects.update(task=fresh)
    taken = take(fresh, bob, content, name=f"segments.{file}")
    assert taken.notes == []
    assert [_said(one) for one in load_segments(fresh)] == before


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_what_is_taken_from_a_task_comes_into_it_again(
    drawn: list[Any], task: Task, api: APIClient, bob: User, carol: User, ending: str
) -> None:
    Task.objects.filter(pk=task.pk).update(state=Task.State.IN_PROGRESS)
    before = [_said(one) for one in load_segments(task)]
    address = f"/api/tasks/{task.pk}/segments/export.{ending}"
    api.force_authenticate(carol)
    assert api.get(address).status_code in {403, 404}
    api.force_authenticate(bob)
    answer = api.get(address)
    assert answer.headers["Content-Disposition"].endswith(f'_task_{task.pk}_segments.{ending}"')
    Segment.objects.all().update(head=None)
    take(task, bob, b"".join(answer), name=f"segments.{ending}")
    assert [_said(one) for one in load_segments(task)] == before


def test_a_track_that_the_task_lacks_is_noted(mine: Task, bob: User) -> None:
    text = "start,end,action,object,object_track,hand,outcome\n0,9,pick,cup,7,Left,\n"
    taken = take(mine, bob, text)
    assert list(taken.notes) == ["line 2: the task has no object 7, so that the object comes in without its track."]
    [one] = load_segments(mine)
    assert (one.object, one.object_name, one.hand_side) == (None, "cup", "left")
    with pytest.raises(Unreadable, match="the outcome is 'luck'; it is success, failure or recovery"):
        take(mine, bob, "start,end,action,outcome\n0,9,pick,luck\n")


def test_a_trial_shows_what_would_come_in_and_which_words_nobody_knows(mine: Task, bob: User) -> None:
    taken = take(mine, bob, "start,end,action,phase\n0,9,pick,grasp\n9,12,plase,\n", trial=True)
    assert [(one.start, one.end, one.name, one.action, one.phase) for one in taken.seen] == [
        (0, 9, "pick", "pick", "grasp"), (9, 12, "plase", "", "")
    ]  # fmt: skip
    assert [(each.word, each.nearest) for each in taken.unknown] == [("plase", "place")]
    assert not Segment.objects.exists()


def _said(one: WorkSegment) -> list[Any]:
    return [
        one.start, one.end, one.level, one.action, one.phase, one.object, one.object_name, one.hand, one.hand_side,
        one.outcome, one.confidence, one.instructions,
    ]  # fmt: skip


def test_a_clip_folders_segments_are_read(
    drawn: list[Any], deliver: Deliver, clip: Clip, project: Project, bob: User
) -> None:
    made = deliver("clip_folder")
    content = (made.folder / clip.folder_name / "actions" / "segments.json").read_bytes()
    found = READERS.get("json").read(content, ClipFacts([clip.name], clips.index(clip).seconds))
    assert [(one.start, one.end, one.name) for one in found] == [(2, 20, "pick")]
    assert (found[0].object_name, found[0].object_track, found[0].hand_side, found[0].hand_track) == (
        "red block", 1, "left", 2
    )  # fmt: skip
    assert (found[0].outcome, found[0].confidence) == ("recovery", 0.25)


def _all(clip: Clip) -> list[Any]:
    return [one for task in Task.objects.filter(clip=clip) for one in load_segments(task)]


def test_only_who_holds_the_task_may_import(mine: Task, api: APIClient, bob: User, carol: User, dana: User) -> None:
    def send(user: User, **more: Any) -> Any:
        api.force_authenticate(user)
        file = SimpleUploadedFile("labels.csv", CSV.encode())
        return api.post(f"/api/tasks/{mine.pk}/segments/import/", {"file": file, **more}, format="multipart")

    assert send(carol).status_code in {403, 404, 409}
    assert send(dana).status_code in {403, 409}
    assert not Segment.objects.exists()
    answer = send(bob, trial="true")
    assert (answer.status_code, answer.data["made"]) == (200, [])
    assert len(send(bob).data["made"]) == 2
    assert send(bob, format="cuneiform").status_code == 400
    assert "Give an object" in str(send(bob, words="[1]").data)
    assert set(api.get("/api/segments/formats/").data) == {"csv", "elan", "json", "label_studio"}


def test_the_command_takes_files_for_the_tasks_annotator(mine: Task, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(CSV.replace("pick", "Take up"))
    with pytest.raises(CommandError, match="Take up"):
        call_command("import_segments", mine.pk, path, stdout=StringIO())
    out = StringIO()
    call_command("import_segments", mine.pk, path, "--word", "Take up=pick", stdout=out)
    assert "2 segments taken in" in out.getvalue()


@example(b'"')
@given(st.binary(max_size=300))
def test_no_file_makes_a_reader_stumble(content: bytes) -> None:
    import_facts = ClipFacts(["a"], timebase.np.arange(30) / 30)
    for reader in READERS.every().values():
        with contextlib.suppress(Unreadable):
            reader.read(content, import_facts)


def test_a_registry_says_what_there_is_and_refuses_doubles() -> None:
    registry: Registry[str] = Registry("colour", timelines)
    registry.register("red", "#f00")
    with pytest.raises(UnknownPlugin, match="There is no colour 'green'; there are red"):
        registry.get("green")
    with pytest.raises(DuplicatePlugin, match="two plug-ins"):
        registry.register("red", "#e00")
