"""Captions and descriptions from a service over the network: asked politely, asked again when it stumbles, every call
in the book.

A service that is overloaded, down, or answers what cannot be read is asked again after a pause that doubles from one
second to sixty, ±20 %, so that many workers do not come back all at once; it may name a longer pause itself. What it
refuses for good (a wrong key, no money left, a model that does not exist) is said at once.
"""

from __future__ import annotations

import base64
import json
import random
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import cv2
import numpy as np
import urllib3
from numpy.typing import NDArray

from enrichment.engines import describing, vlm_prompts
from enrichment.engines.captioning import Caption
from enrichment.engines.describing import Description, Stretch
from enrichment.engines.parameters import SegmentVlmParameters, VlmParameters
from enrichment.engines.phrases import phrase
from enrichment.engines.vlm_prompts import Prompt
from enrichment.errors import ServiceFailed

Picture = NDArray[np.uint8]
Said = TypeVar("Said")

MOST_ATTEMPTS: Final = 6
MOST_UNFIT: Final = 2
LONGEST_PAUSE: Final = 60.0
JITTER: Final = 0.2
_PASSING: Final = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
_FEWEST_SENTENCES: Final = 2
_SENTENCES: Final = 3
_JPEG_QUALITY: Final = 90
_TIMEOUT: Final = urllib3.Timeout(connect=10.0, read=120.0)


@dataclass(frozen=True)
class Link:
    """Where a service is and how it is paid. per_minute: calls that all workers together may begin in one minute."""

    address: str
    key: str = field(default="", repr=False)
    per_minute: int = 60


@dataclass(frozen=True)
class Question:
    """What one call asks, beside the prompt's own words and examples. jpegs: pictures in base64, in time."""

    words: str
    jpegs: tuple[str, ...] = field(repr=False)


class Used(NamedTuple):
    """Tokens that a call is billed for. tokens_out: with what the model thought before it answered."""

    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True)
class Outcome:
    """How a call ended. status: of HTTP, 0 when nobody answered. error: in words, empty when it was good."""

    status: int
    seconds: float
    tokens_in: int = 0
    tokens_out: int = 0
    error: str = ""


class Book(Protocol):
    """Where calls are written down before they are made and when they have ended."""

    def begin(self, *, service: str, model: str, prompt: str, attempt: int, per_minute: int) -> tuple[Any, float]:
        """Enter a call; returns its entry, and how many seconds to wait so that no more begin in a minute than may."""

    def end(self, entry: Any, outcome: Outcome) -> None:
        """Enter how it ended."""


class Passing(Exception):
    """Something that may be over in a while. pause: seconds that the service itself asks for."""

    def __init__(self, said: str, pause: float = 0.0) -> None:
        super().__init__(said)
        self.pause = pause


class Unfit(Passing):
    """The answer was understood, and is not good enough; the service is told why and asked once more.

    usable: what it is good for all the same, for a service that does no better; None where it is good for nothing.
    """

    def __init__(self, said: str, usable: Caption | None = None) -> None:
        super().__init__(said)
        self.usable = usable


class PictureRefused(Exception):
    """The service will not describe this picture; others it may."""


class Vlm(ABC):
    """One service that captions pictures and describes segments.

    Args:
        link: where it is.
        book: where calls are written down.
        sleep, chance: how to wait, and a number in 0 to 1 for the jitter.
    """

    name: str

    def __init__(
        self,
        link: Link,
        book: Book,
        *,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._link = link
        self._book = book
        self._sleep = sleep
        self._chance = chance
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=4, retries=False, timeout=_TIMEOUT)

    @abstractmethod
    def request(
        self, prompt: Prompt, question: Question, parameters: VlmParameters
    ) -> tuple[str, dict[str, str], object]:
        """The path below the service's address, the headers, and the body to be sent."""

    @abstractmethod
    def used(self, content: Mapping[str, Any]) -> Used:
        """What the service counted, zeros where it says nothing; asked before `read`, as refusals are billed too."""

    @abstractmethod
    def read(self, content: Mapping[str, Any]) -> str:
        """What the service said with status 200, in words.

        Raises:
            Passing: it cannot be read.
            PictureRefused: it will not describe this picture.
            ServiceFailed: it could not finish.
        """

    def is_final(self, status: int, content: Mapping[str, Any]) -> bool:
        """Whether an answer of this status, which may pass for others, will not pass."""
        return False

    def rehearse(self, picture: Picture) -> None:
        """Only what costs nothing: a call costs money, and there is nothing to warm up."""
        encoded(picture, max(picture.shape[:2]))

    def caption(self, pictures: Sequence[Picture], parameters: VlmParameters) -> list[Caption]:
        """What each picture (height, width, 3) uint8 RGB shows, or why it has no caption, refused by the service or us.

        Raises:
            ServiceFailed: the service refuses, or has stumbled at every attempt.
        """
        prompt = vlm_prompts.load(parameters.prompt)
        return [self._captioned(picture, prompt, parameters) for picture in pictures]

    def describe_segments(self, stretches: Sequence[Stretch], parameters: SegmentVlmParameters) -> list[Description]:
        """What to do in each segment, in three sentences, or why a segment has none: refused by the service, or by us.

        Raises:
            ServiceFailed: the service refuses, or has stumbled at every attempt.
        """
        prompt = vlm_prompts.load(parameters.prompt)
        return [self._described(stretch, prompt, parameters) for stretch in stretches]

    def _captioned(self, picture: Picture, prompt: Prompt, parameters: VlmParameters) -> Caption:
        question = Question(prompt.ask, (encoded(picture, parameters.longest_side),))
        try:
            return self._one(question, prompt, parameters, lambda text: understood(text, prompt))
        except Unfit as error:
            return error.usable or Caption("", refused=str(error))
        except PictureRefused as error:
            return Caption("", refused=str(error))

    def _described(self, stretch: Stretch, prompt: Prompt, parameters: SegmentVlmParameters) -> Description:
        jpegs = tuple(encoded(picture, parameters.longest_side) for picture in stretch.pictures)
        question = Question(f"{prompt.ask}\n\n{known(stretch)}", jpegs)
        try:
            return self._one(question, prompt, parameters, three_sentences)
        except (PictureRefused, Unfit) as error:
            return Description(refused=str(error))

    def _one(
        self, question: Question, prompt: Prompt, parameters: VlmParameters, understand: Callable[[str], Said]
    ) -> Said:
        """Ask until there is an answer that can be read.

        Raises:
            PictureRefused, ServiceFailed: as `Vlm.read` does.
            Unfit: the second answer is not good enough either.
        """
        said, unfit, asked = "", 0, question
        for attempt in range(MOST_ATTEMPTS):
            entry, wait = self._book.begin(
                service=self.name,
                model=parameters.model,
                prompt=prompt.name,
                attempt=attempt + 1,
                per_minute=self._link.per_minute,
            )
            if wait > 0:
                self._sleep(wait)
            try:
                return self._asked(entry, self.request(prompt, asked, parameters), understand)
            except Unfit as error:
                # The service is well, so there is nothing to wait for.
                said, unfit = str(error), unfit + 1
                if unfit == MOST_UNFIT:
                    raise
                asked = replace(question, words=f"{question.words}\n\nYour last answer cannot be used: {said}")
            except Passing as error:
                said = str(error)
                if error.pause > 2 * LONGEST_PAUSE:
                    raise ServiceFailed(f"{self.name} asks to wait {error.pause:.0f} s: {said}") from error
                if attempt + 1 < MOST_ATTEMPTS:
                    self._sleep(max(error.pause, pause(attempt, self._chance())))
        raise ServiceFailed(f"{self.name} did not answer at {MOST_ATTEMPTS} attempts; the last time: {said}")

    def _asked(
        self, entry: Any, request: tuple[str, dict[str, str], object], understand: Callable[[str], Said]
    ) -> Said:
        """One call, written down however it ends."""
        began = time.monotonic()
        status, used, error = 0, Used(), ""
        try:
            status, content, asked_to_wait = self._sent(*request)
            used = self.used(content)
            if status != 200:
                raise self._problem(status, content, asked_to_wait)
            return understand(self.read(content))
        except (Passing, PictureRefused, ServiceFailed) as problem:
            error = str(problem)
            raise
        finally:
            self._book.end(entry, Outcome(status, time.monotonic() - began, *used, error))

    def _sent(self, path: str, headers: dict[str, str], body: object) -> tuple[int, dict[str, Any], float]:
        try:
            # A redirect is not followed: the key must not be sent to somebody else.
            there = self._pool.request(
                "POST",
                self._link.address.rstrip("/") + path,
                body=json.dumps(body).encode(),
                headers={"Content-Type": "application/json", **headers},
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise Passing(f"nobody answered ({type(error).__name__}).") from error
        try:
            content = json.loads(there.data)
        except ValueError:
            content = {}
        return there.status, content if isinstance(content, dict) else {}, _asked_to_wait(there.headers, content)

    def _problem(self, status: int, content: Mapping[str, Any], asked_to_wait: float) -> Exception:
        words = content.get("error")
        said = str(words.get("message", "")) if isinstance(words, dict) else ""
        # Some services repeat the key that they refuse.
        said = said.replace(self._link.key, "[key]") if self._link.key else said
        sentence = f"{self.name} answered {status}: {said[:300] or 'no reason was given'}"
        if status in _PASSING and not self.is_final(status, content):
            return Passing(sentence, asked_to_wait)
        return ServiceFailed(sentence)


def pause(attempt: int, chance: float) -> float:
    """Seconds before the next attempt: 1, 2, 4 … 60, each ±20 %. attempt: from 0. chance: 0-1."""
    return float(min(LONGEST_PAUSE, 2.0**attempt)) * (1.0 - JITTER + 2.0 * JITTER * chance)


def encoded(picture: Picture, longest_side: int) -> str:
    """A picture (height, width, 3) uint8 RGB as JPEG in base64, no side longer than `longest_side` pixels."""
    height, width = picture.shape[:2]
    scale = longest_side / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return base64.b64encode(jpeg.tobytes()).decode()


def understood(text: str, prompt: Prompt) -> Caption:
    """A caption from the JSON that a model was to answer with.

    Raises:
        Passing: it is no such JSON, or says nothing; asked again, a model mostly does better.
        Unfit: it is, but its tags are no list of texts, or its caption is a single sentence.
    """
    try:
        said = json.loads(text)
        caption = " ".join(str(said["caption"]).split())
        listed = said["tags"]
        environment, lighting = (_listed(said, key, prompt) for key in ("environment", "lighting"))
    except (ValueError, KeyError, TypeError) as error:
        raise Passing(f"the answer is not the JSON that was asked for ({type(error).__name__}).") from error
    if not caption:
        raise Passing("the answer says nothing.")
    sentences = re.split(r"(?<=[.!?])\s+", caption)
    kept = Caption(" ".join(sentences[:_SENTENCES]), (), environment, lighting)
    # A server without schemas may answer with one text, whose letters are no tags.
    if not isinstance(listed, list) or not all(isinstance(tag, str) for tag in listed):
        raise Unfit("Its tags are no list of texts.", kept)
    tags = (" ".join(tag.lower().split()) for tag in listed)
    kept = replace(kept, tags=tuple(tag for tag in tags if tag))
    if len(sentences) < _FEWEST_SENTENCES:
        raise Unfit(f"The caption is a single sentence; write {_FEWEST_SENTENCES} to {_SENTENCES}.", kept)
    return kept


def three_sentences(text: str) -> Description:
    """A description from the JSON that a model was to answer with.

    Raises:
        Passing: it is no such JSON.
        Unfit: it is, but its sentences are not three different ones that say what to do.
    """
    try:
        listed = json.loads(text)["sentences"]
    except (ValueError, KeyError, TypeError) as error:
        raise Passing(f"the answer is not the JSON that was asked for ({type(error).__name__}).") from error
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise Passing("the answer is not the JSON that was asked for: its sentences are no list of texts.")
    sentences = tuple(" ".join(each.split()) for each in listed)
    if said := describing.fault(sentences):
        raise Unfit(said)
    return Description(sentences)


def known(stretch: Stretch) -> str:
    """What a proposal says of its segment, for a model that looks at its frames."""
    at = ", ".join(f"{offset:.2f}" for offset in stretch.offsets)
    told = {"action": stretch.action, "phase": stretch.phase, "object": stretch.target}
    guesses = ", ".join(f"{what} {phrase(word)}" for what, word in told.items() if word)
    said = f"The segment lasts {stretch.duration:.2f} s; its frames were taken {at} s after it began."
    if not guesses:
        return said
    return f"{said} A detector that knows only motion guesses: {guesses}. Where the frames show otherwise, they count."


def counted(said: object, *names: str) -> int:
    """The sum of these numbers of tokens in what a service says of a call; what is no number there counts nothing."""
    numbers = [said.get(name) for name in names] if isinstance(said, Mapping) else []
    return sum(number for number in numbers if isinstance(number, int) and number > 0)


def _listed(said: Mapping[str, Any], key: str, prompt: Prompt) -> str:
    """A word from the list that the prompt gave; nothing when the model made up another."""
    word = str(said[key]).strip().lower()
    return word if word in prompt.schema["properties"][key]["enum"] else ""


def _asked_to_wait(headers: Mapping[str, str], content: Any) -> float:
    """Seconds that a service asks to wait: in the header, or, as Gemini does, in the error's details."""
    try:
        return max(0.0, float(headers.get("Retry-After", "")))
    except ValueError:
        pass
    error = content.get("error") if isinstance(content, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    for each in details if isinstance(details, list) else ():
        found = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(each.get("retryDelay", ""))) if isinstance(each, dict) else None
        if found:
            return float(found[1])
    return 0.0
