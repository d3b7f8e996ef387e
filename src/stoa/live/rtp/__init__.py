"""What a room that forwards RTP must know, without a socket, a clock or a cipher.

``packet``       RTP on the wire (RFC 3550, 8285, 4588) and numbers that wrap around
``rtcp``         reports and feedback on the wire (RFC 3550, 4585, 5104)
``twcc``         which packets of a path arrived, and when: the feedback that congestion control lives on
``sdp``          session descriptions: what a browser says (RFC 8866, 8829, 8853)
``negotiation``  and what it is told
``vp8``          the payload descriptor and the key frame's size (RFC 7741)
``loss``         asking for what is missing, keeping what may be asked for
``reception``    jitter, loss and reports on a stream that arrives (RFC 3550, appendix A)
``forwarding``   one stream's way to one receiver: numbers and pictures stay whole when its layer changes
``bandwidth``    what a receiver's path bears, from its feedback
``layers``       which simulcast layer each viewer gets
``hearing``      who speaks (RFC 6464)
``quality``      how good a participant's network is
``frames``       packets back into whole frames, for a recording
``matroska``     whole frames into a WebM file that is good at every moment

Time is a float of seconds on any clock that only goes forward, handed in as ``now``.
"""
