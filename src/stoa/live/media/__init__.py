"""The embedded provider's media: rooms in worker processes, which forward RTP between browsers and decode nothing.

``controller.Controller`` is all that the rest of Stoa needs, with the events and errors of ``messages``::

    controller = Controller(folder, told, clock=clock, listen=[Listen("10.0.0.5", "203.0.113.7")], first_port=40000)
    await controller.start()                            # finds calls that outlived the last API process
    await controller.open_room("algebra", max_participants=50)
    await controller.join("algebra", "ada")             # told: Offered(version=1, sdp=…, tracks=[])
    await controller.answer("algebra", "ada", 1, sdp)   # her receiving connection answered; told: Joined
    answer = await controller.publish("algebra", "ada", sdp, {"0": "mic", "1": "camera"})
    await controller.start_recording("algebra", folder)
    await controller.leave("algebra", "ada", reason="kicked")    # told: Left(reason="kicked")

A client holds two connections. One sends: the client offers, the server answers, and again whenever its tracks change.
One receives: the server offers (``Offered``, at once after the join and whenever somebody's tracks come or go), the
client answers with the same version. Neither side ever offers on the other's connection, so offers never cross.

A participant's name is the caller's and may be anything of ``[A-Za-z0-9_.:@+-]``; browsers of the others see it as the
``MediaStream``'s id. Nothing here knows of tokens: who calls ``join`` has authorised it.

Its rooms: ``controller`` and ``_link`` in the API's process, ``check`` for the command line; the rest in the workers: ``worker`` (the process),
``room``, ``publishing`` (upwards), ``subscribing`` (downwards), ``recording``, ``peer`` (one transport), ``port`` (UDP),
``_aiortc`` (DTLS and SRTP). Importing the controller imports no codec and no cipher.
"""
