"""Session descriptions and candidates: reading what a browser says (RFC 8866, 8829, 8839, 8842, 8853)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

LONGEST = 256 * 1024
"""Characters. An answer for fifty participants takes a third of that."""
_MOST_SECTIONS = 256
_MOST_LINES = 10_000
_MOST_REPEATED = 64
"""Lines of one kind in a section, where each adds to a list."""

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"


class MalformedSdpError(ValueError):
    """No session description, or one that can not be answered. The sentence says why."""


@dataclass(frozen=True, slots=True)
class Codec:
    payload_type: int
    name: str
    clock: int
    parameters: str = ""
    feedback: tuple[str, ...] = ()


@dataclass(slots=True)
class Section:
    """One m-section as it was read."""

    kind: str
    port: int
    mid: str = ""
    direction: str = "sendrecv"
    codecs: dict[int, Codec] = field(default_factory=dict)
    extensions: dict[int, str] = field(default_factory=dict)
    simulcast: tuple[str, ...] = ()
    """The rids that the other side sends."""
    ssrcs: tuple[int, ...] = ()
    repairs: dict[int, int] = field(default_factory=dict)
    """The SSRC of retransmissions: the SSRC that it repairs."""
    ufrag: str = ""
    password: str = ""
    fingerprints: tuple[tuple[str, str], ...] = ()
    setup: str = ""
    rtcp_mux: bool = False
    line: str = ""

    def codec(self, name: str) -> Codec | None:
        return next((each for each in self.codecs.values() if each.name.lower() == name.lower()), None)

    def retransmission_of(self, payload_type: int) -> int | None:
        wanted = f"apt={payload_type}"
        for codec in self.codecs.values():
            if codec.name.lower() == "rtx" and wanted in codec.parameters.replace(" ", "").split(";"):
                return codec.payload_type
        return None

    def extension(self, uri: str) -> int | None:
        return next((number for number, each in self.extensions.items() if each == uri), None)


@dataclass(frozen=True, slots=True)
class Description:
    sections: tuple[Section, ...]
    bundle: tuple[str, ...]

    def transport(self) -> Section:
        """The section whose transport carries the bundle."""
        for section in self.sections:
            if section.mid in self.bundle and section.port:
                if not (section.ufrag and section.password and section.fingerprints):
                    raise MalformedSdpError("ICE credentials or the DTLS fingerprint are missing.")
                return section
        raise MalformedSdpError("No section of the bundle is in use.")


def parse(text: str) -> Description:
    if len(text) > LONGEST:
        raise MalformedSdpError(f"A session description has at most {LONGEST} characters.")
    lines = text.replace("\r\n", "\n").split("\n")
    if len(lines) > _MOST_LINES:
        raise MalformedSdpError(f"A session description has at most {_MOST_LINES} lines.")
    if not lines[0].startswith("v=0"):
        raise MalformedSdpError("A session description begins with v=0.")
    session = Section("session", 0)
    sections: list[Section] = []
    bundle: tuple[str, ...] = ()
    for line in lines[1:]:
        if line.startswith("m="):
            if len(sections) == _MOST_SECTIONS:
                raise MalformedSdpError(f"A session description has at most {_MOST_SECTIONS} sections.")
            sections.append(_section(line))
        elif line.startswith("a=group:BUNDLE") and not sections:
            bundle = tuple(line.split()[1:])
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            _read(sections[-1] if sections else session, name, value.strip())
    for section in sections:
        section.ufrag = section.ufrag or session.ufrag
        section.password = section.password or session.password
        section.fingerprints = section.fingerprints or session.fingerprints
        section.setup = section.setup or session.setup
    return Description(tuple(sections), bundle)


def parse_candidate(text: str) -> tuple[str, int] | None:
    """The (host, port) of a trickled candidate; None for the end of candidates.

    An ICE-lite agent sends no checks, so nothing is ever sent to a candidate's address because somebody named it.
    """
    if text in ("", "end-of-candidates"):
        return None
    words = text.removeprefix("a=").removeprefix("candidate:").split()
    if (
        len(text) > 1024
        or len(words) < 8
        or words[6] != "typ"
        or not words[5].isdigit()
        or int(words[5]) > 65535
    ):
        raise MalformedSdpError("That is no ICE candidate.")
    return words[4], int(words[5])


def _section(line: str) -> Section:
    words = line[2:].split()
    if len(words) < 4 or not words[1].split("/")[0].isdigit():
        raise MalformedSdpError(f"No section begins with {line[:40]!r}.")
    return Section(words[0], int(words[1].split("/")[0]), line=line)


def _read(section: Section, name: str, value: str) -> None:
    if name in ("sendrecv", "sendonly", "recvonly", "inactive"):
        section.direction = name
    elif name == "rtcp-mux":
        section.rtcp_mux = True
    elif name in _READERS:
        try:
            _READERS[name](section, value)
        except (ValueError, IndexError):
            raise MalformedSdpError(f"The attribute {name} can not be read: {value[:60]!r}.") from None


def _read_rtpmap(section: Section, value: str) -> None:
    number, encoding = value.split(None, 1)
    name, clock = encoding.split("/")[:2]
    if not 0 <= int(number) <= 127:
        raise ValueError
    section.codecs[int(number)] = Codec(int(number), name, int(clock))


def _read_fmtp(section: Section, value: str) -> None:
    number, parameters = value.split(None, 1)
    codec = section.codecs.get(int(number))
    if codec is not None:
        section.codecs[codec.payload_type] = replace(codec, parameters=parameters)


def _read_feedback(section: Section, value: str) -> None:
    number, feedback = value.split(None, 1)
    codec = section.codecs.get(int(number)) if number != "*" else None
    if codec is not None and len(codec.feedback) < _MOST_REPEATED:
        section.codecs[codec.payload_type] = replace(codec, feedback=(*codec.feedback, feedback))


def _read_extension(section: Section, value: str) -> None:
    words = value.split()
    number = int(words[0].split("/")[0])
    if not 1 <= number <= 255:
        raise ValueError
    section.extensions[number] = words[1]


def _read_simulcast(section: Section, value: str) -> None:
    words = value.split()
    if "send" in words:
        listed = words[words.index("send") + 1].split(";")
        section.simulcast = tuple(each.split(",")[0].removeprefix("~") for each in listed)


def _read_ssrc(section: Section, value: str) -> None:
    ssrc = int(value.split(maxsplit=1)[0])
    if ssrc not in section.ssrcs and len(section.ssrcs) < _MOST_REPEATED:
        section.ssrcs = (*section.ssrcs, ssrc)


def _read_group(section: Section, value: str) -> None:
    words = value.split()
    if words[0] == "FID":
        section.repairs[int(words[2])] = int(words[1])


def _read_fingerprint(section: Section, value: str) -> None:
    algorithm, digest = value.split()
    section.fingerprints = (*section.fingerprints[-3:], (algorithm, digest))


def _read_mid(section: Section, value: str) -> None:
    section.mid = value


def _read_ufrag(section: Section, value: str) -> None:
    section.ufrag = value


def _read_password(section: Section, value: str) -> None:
    section.password = value


def _read_setup(section: Section, value: str) -> None:
    section.setup = value


_READERS = {
    "mid": _read_mid,
    "ice-ufrag": _read_ufrag,
    "ice-pwd": _read_password,
    "setup": _read_setup,
    "fingerprint": _read_fingerprint,
    "rtpmap": _read_rtpmap,
    "fmtp": _read_fmtp,
    "rtcp-fb": _read_feedback,
    "extmap": _read_extension,
    "simulcast": _read_simulcast,
    "ssrc": _read_ssrc,
    "ssrc-group": _read_group,
}
