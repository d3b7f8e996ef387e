import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.processes import ROOT

from stoa.live.rtp import negotiation, sdp

AGENT = negotiation.Agent("ours", "secret", "AA:BB", (("192.0.2.1", 4000), ("2001:db8::1", 4000)))


def chromium(name):
    return (ROOT / f"tests/data/live/chromium-{name}.sdp").read_bytes().decode()


def text(*lines, head=("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1")):
    return "\r\n".join([*head, *lines]) + "\r\n"


TRANSPORT = ("a=ice-ufrag:u", "a=ice-pwd:p", "a=fingerprint:sha-256 CC:DD", "a=setup:actpass", "a=rtcp-mux")
AUDIO = ("m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=sendonly", "a=rtpmap:111 opus/48000/2", *TRANSPORT)
VIDEO = ("m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:1", "a=sendonly", "a=rtpmap:96 VP8/90000", *TRANSPORT)


def without(lines, *starts):
    return tuple(line for line in lines if not line.startswith(starts))


def accepted(*lines, **how):
    return negotiation.accept(sdp.parse(text(*lines)), **how)


# Reading


def test_a_browsers_offer():
    offer = sdp.parse(chromium("offer"))
    audio, video = offer.sections
    assert offer.bundle == ("0", "1")
    assert (audio.kind, audio.mid, audio.direction, audio.rtcp_mux, audio.setup) == (
        "audio",
        "0",
        "sendonly",
        True,
        "actpass",
    )
    assert audio.codec("OPUS").payload_type == 111
    assert audio.extension(sdp.AUDIO_LEVEL) == 1
    assert video.codec("vp8").feedback[-1] == "nack pli"
    assert video.retransmission_of(96) == 97
    assert list(video.repairs.values()) == [video.ssrcs[0]]
    assert offer.transport() is audio
    assert len(audio.ufrag) == 4
    assert audio.fingerprints[0][0] == "sha-256"


def test_a_browsers_simulcast():
    video = sdp.parse(chromium("simulcast-offer")).sections[1]
    assert video.simulcast == ("l", "m", "h")
    assert video.extension(sdp.RID)
    assert video.extension(sdp.REPAIRED_RID)


def test_a_browsers_answer():
    answer = sdp.parse(chromium("answer"))
    assert [section.direction for section in answer.sections] == ["recvonly", "recvonly"]
    assert answer.transport().setup == "active"
    assert answer.transport().extension(sdp.TRANSPORT_CC) == negotiation.TRANSPORT_CC_ID


def test_a_sessions_attributes_are_every_sections():
    head = (
        "v=0",
        "a=ice-ufrag:u",
        "a=ice-pwd:p",
        "a=fingerprint:sha-256 AA",
        "a=setup:active",
        "a=group:BUNDLE 0",
    )
    (section,) = sdp.parse(text("m=audio 9 X 111", "a=mid:0", head=head)).sections
    assert (section.ufrag, section.password, section.fingerprints, section.setup) == (
        "u",
        "p",
        (("sha-256", "AA"),),
        "active",
    )


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_lines_end_either_way(ending):
    assert len(sdp.parse(text(*AUDIO, *VIDEO).replace("\r\n", ending)).sections) == 2


@pytest.mark.parametrize(
    ("value", "rids"),
    [("send h;m;l", ("h", "m", "l")), ("send a,b;~c", ("a", "c")), ("recv x send y", ("y",)), ("recv x", ())],
)
def test_simulcast_is_what_the_other_side_sends(value, rids):
    section = sdp.parse(text(*VIDEO, f"a=simulcast:{value}")).sections[0]
    assert section.simulcast == rids


@pytest.mark.parametrize(
    "given",
    [
        "", "garbage", "v=1", "\0" * 100, "v=0\r\nm=", "v=0\r\nm=audio", "v=0\r\nm=audio x UDP 1", "a" * (sdp.LONGEST + 1),
        "v=0" + "\n" * 20_000, "v=0\r\n" + "m=audio 9 X 1\r\n" * 257,
    ],
    ids=range(10),
)  # fmt: skip
def test_what_is_no_description(given):
    with pytest.raises(sdp.MalformedSdpError):
        sdp.parse(given)


@pytest.mark.parametrize(
    "line",
    [
        "a=rtpmap:x VP8/90000", "a=rtpmap:96", "a=rtpmap:96 VP8", "a=rtpmap:96 VP8/x", "a=rtpmap:300 VP8/90000", "a=fmtp:96",
        "a=fmtp:x y", "a=rtcp-fb:96", "a=extmap:x uri", "a=extmap:3", "a=extmap:0 uri", "a=extmap:999 uri", "a=ssrc:x",
        "a=ssrc:", "a=ssrc-group:FID 1", "a=ssrc-group:FID x y", "a=ssrc-group:", "a=fingerprint:sha-256", "a=simulcast:send",
    ],
)  # fmt: skip
def test_an_attribute_that_can_not_be_read_is_named(line):
    name = line[2:].partition(":")[0]
    with pytest.raises(sdp.MalformedSdpError, match=name):
        sdp.parse(text(*VIDEO, line))


@pytest.mark.parametrize(
    "line", ["a=nonsense", "a=", "b=AS:100", "x", "a=rtcp-fb:* nack", "a=fmtp:97 unknown"]
)
def test_what_nobody_knows_is_left_out(line):
    assert sdp.parse(text(*VIDEO, line)).sections[0].codec("VP8")


@pytest.mark.parametrize("line", ["a=ssrc:{} cname:x", "a=rtcp-fb:96 x{}", "a=fingerprint:sha-256 {}"])
def test_repeating_a_line_costs_nothing(line):
    section = sdp.parse(text(*VIDEO, *(line.format(index) for index in range(5000)))).sections[0]
    assert max(len(section.ssrcs), len(section.codecs[96].feedback), len(section.fingerprints)) <= 64


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(given):
    with contextlib.suppress(sdp.MalformedSdpError):
        sdp.parse("v=0\r\n" + given)


@given(st.data())
def test_a_damaged_offer_is_answered_or_refused(data):
    lines = chromium("simulcast-offer").split("\r\n")
    for _ in range(data.draw(st.integers(1, 4))):
        index = data.draw(st.integers(0, len(lines) - 1))
        line = lines[index]
        cut = data.draw(st.integers(0, len(line)))
        lines[index] = data.draw(
            st.sampled_from(["", line[:cut], line + line, line.replace("1", "x"), line.replace(":", "")])
        )
    with contextlib.suppress(sdp.MalformedSdpError):
        offer = sdp.parse("\r\n".join(lines))
        offer.transport()
        negotiation.answer(offer, negotiation.accept(offer), AGENT)


@pytest.mark.parametrize("start", ["a=ice-ufrag", "a=ice-pwd", "a=fingerprint"])
def test_a_transport_needs_its_credentials(start):
    description = sdp.parse(text(*without(AUDIO, start)))
    with pytest.raises(sdp.MalformedSdpError, match="missing"):
        description.transport()


def test_a_bundle_that_is_not_used_has_no_transport():
    description = sdp.parse(text(*(line.replace("audio 9", "audio 0") for line in AUDIO)))
    with pytest.raises(sdp.MalformedSdpError, match="in use"):
        description.transport()


@pytest.mark.parametrize(
    ("candidate", "found"),
    [
        ("candidate:1 1 udp 2122 192.0.2.2 36893 typ host", ("192.0.2.2", 36893)),
        ("a=candidate:1 1 udp 2122 fd00::2 9 typ host generation 0", ("fd00::2", 9)),
        ("candidate:1 1 UDP 1 8f7.local 5 typ host", ("8f7.local", 5)),
        ("candidate:1 1 tcp 1 10.0.0.1 9 typ host tcptype active", ("10.0.0.1", 9)),
        ("candidate:1 1 udp 1 1.2.3.4 5 typ srflx raddr 0.0.0.0 rport 0", ("1.2.3.4", 5)),
        ("", None), ("end-of-candidates", None),
    ],
)  # fmt: skip
def test_a_candidate(candidate, found):
    assert sdp.parse_candidate(candidate) == found


@pytest.mark.parametrize(
    "candidate",
    [
        "x",
        "candidate:",
        "candidate:1 1 udp 1 1.2.3.4 x typ host",
        "candidate:1 1 udp 1 1.2.3.4 70000 typ host",
        "candidate:1 1 udp 1 1.2.3.4 5 tpy host",
        "candidate:1 1 udp 1 1.2.3.4 5 typ " + "x" * 2000,
    ],
    ids=range(6),
)
def test_what_is_no_candidate(candidate):
    with pytest.raises(sdp.MalformedSdpError, match="candidate"):
        sdp.parse_candidate(candidate)


# Answering


def test_a_browsers_offer_is_accepted():
    sound, picture = negotiation.accept(sdp.parse(chromium("simulcast-offer")))
    assert (sound.kind, sound.payload_type, sound.retransmission, sound.sends) == ("audio", 111, None, True)
    assert (picture.kind, picture.payload_type, picture.retransmission, picture.rids) == (
        "video",
        96,
        97,
        ("l", "m", "h"),
    )
    assert set(picture.extensions) == {sdp.MID, sdp.RID, sdp.REPAIRED_RID, sdp.TRANSPORT_CC}


def test_an_answer_fits_its_offer():
    offer = sdp.parse(chromium("simulcast-offer"))
    answer = sdp.parse(negotiation.answer(offer, negotiation.accept(offer), AGENT))
    assert [section.mid for section in answer.sections] == [section.mid for section in offer.sections]
    assert answer.bundle == offer.bundle
    for theirs, ours in zip(offer.sections, answer.sections, strict=True):
        assert ours.direction == "recvonly"
        assert ours.setup == "passive"
        assert (ours.ufrag, ours.password, ours.fingerprints) == ("ours", "secret", (("sha-256", "AA:BB"),))
        assert ours.rtcp_mux
        assert set(ours.extensions.items()) <= set(theirs.extensions.items())
        assert set(ours.codecs) <= set(theirs.codecs)
    assert "transport-cc" in answer.sections[1].codecs[96].feedback


def test_an_answer_takes_all_layers():
    offer = sdp.parse(chromium("simulcast-offer"))
    answer = negotiation.answer(offer, negotiation.accept(offer), AGENT)
    assert "a=simulcast:recv l;m;h\r\n" in answer
    assert answer.count("a=rid:") == 3


def test_an_answer_has_all_candidates_and_is_ice_lite():
    offer = sdp.parse(text(*AUDIO))
    answer = negotiation.answer(offer, negotiation.accept(offer), AGENT)
    assert "a=ice-lite\r\n" in answer
    assert " 192.0.2.1 4000 typ host" in answer
    assert " 2001:db8::1 4000 typ host" in answer
    assert answer.endswith("\r\n")


@pytest.mark.parametrize(
    "lines",
    [
        without(AUDIO, "a=rtpmap"), without(AUDIO, "a=rtcp-mux"), [line.replace("audio 9", "audio 0") for line in AUDIO],
        [line.replace("opus", "PCMU") for line in AUDIO], [line.replace("mid:0", "mid:7") for line in AUDIO],
        [line.replace("m=audio", "m=application") for line in AUDIO], (),
        *([line.replace("mid:1", "mid:0").replace("VP8", codec) for line in VIDEO] for codec in ("H264", "VP9", "AV1")),
    ],
    ids=range(10),
)  # fmt: skip
def test_what_can_not_be_taken_is_refused(lines):
    assert [each.kind for each in accepted(*lines, *VIDEO)] == ["video"]
    offer = sdp.parse(text(*lines, *VIDEO))
    answer = sdp.parse(negotiation.answer(offer, negotiation.accept(offer), AGENT))
    assert [section.port for section in answer.sections] == [0, 9][-len(answer.sections) :]
    assert answer.bundle == ("1",)
    with pytest.raises(sdp.MalformedSdpError, match="Nothing"):
        accepted(*lines)


@pytest.mark.parametrize(
    ("direction", "sends"), [("sendonly", True), ("sendrecv", True), ("recvonly", False), ("inactive", False)]
)
def test_a_section_that_does_not_send_now_is_kept(direction, sends):
    lines = [line.replace("sendonly", direction) for line in VIDEO]
    (each,) = accepted(*lines)
    assert each.sends is sends
    offer = sdp.parse(text(*lines))
    (section,) = sdp.parse(negotiation.answer(offer, [each], AGENT)).sections
    assert section.direction == ("recvonly" if sends else "inactive")
    assert section.port == 9


def test_no_more_than_a_few_sections_are_taken():
    head = ("v=0", "a=group:BUNDLE " + " ".join(map(str, range(20))))
    lines = [line.replace("mid:1", f"mid:{index}") for index in range(20) for line in VIDEO]
    assert len(negotiation.accept(sdp.parse(text(*lines, head=head)))) == 8


def test_two_sections_of_one_name_are_refused():
    with pytest.raises(sdp.MalformedSdpError, match="same mid"):
        accepted(*VIDEO, *VIDEO)


@pytest.mark.parametrize(
    ("theirs", "ours"), [("actpass", "passive"), ("active", "passive"), ("passive", "active")]
)
def test_who_begins_the_handshake(theirs, ours):
    offer = sdp.parse(text(*(line.replace("actpass", theirs) for line in AUDIO)))
    (section,) = sdp.parse(negotiation.answer(offer, negotiation.accept(offer), AGENT)).sections
    assert section.setup == ours


# Offering


def outgoing(mid, kind, active=True):
    return negotiation.Outgoing(mid, kind, 11, 12, "ada", "p1", active=active)


def test_an_offer_of_the_server():
    offer = sdp.parse(negotiation.offer([outgoing("0", "audio"), outgoing("1", "video")], AGENT, version=3))
    sound, picture = offer.sections
    assert offer.bundle == ("0", "1")
    assert (sound.direction, sound.setup, sound.ssrcs) == ("sendonly", "actpass", (11,))
    assert (picture.ssrcs, picture.repairs) == ((11, 12), {12: 11})
    assert picture.retransmission_of(96) == 97
    assert picture.extension(sdp.TRANSPORT_CC) == negotiation.TRANSPORT_CC_ID


def test_the_stream_that_is_shown_is_named_first():
    """A browser takes the first SSRC for the picture's own."""
    lines = negotiation.offer([outgoing("0", "video")], AGENT, version=1).split("\r\n")
    assert next(line for line in lines if line.startswith("a=ssrc:")).startswith("a=ssrc:11 ")


def test_an_offer_says_whose_track_it_is():
    assert "a=msid:ada p1\r\n" in negotiation.offer([outgoing("0", "audio")], AGENT, version=1)


def test_a_slot_that_nobody_uses_is_inactive():
    offer = negotiation.offer([outgoing("0", "audio", active=False)], AGENT, version=1)
    (section,) = sdp.parse(offer).sections
    assert section.direction == "inactive"
    assert section.port == 9
    assert "ssrc" not in offer
    assert "msid:" not in offer


@pytest.mark.parametrize("version", [1, 2, 1000])
def test_each_offer_has_its_version(version):
    assert f"o=stoa 1 {version} IN" in negotiation.offer([], AGENT, version=version)
