"""What HTTP needs and no kind knows: who asks, strict bodies, error dialects, limits, OpenAPI.

A kind's ``api.py`` writes its handlers so::

    @post("/sessions", guards=[signed_in], dto=Json[CreateSession], responses=documented(400, 401, body=ErrorBody))
    async def create(request: Request, data: CreateSession) -> SessionBody:
        house = house_of(request)
        session = await house.storage.write(service.create, data.to_draft(), actor=request.user, now=house.clock.now())
        return SessionBody.of(session)

``Json[T]`` reads the body strictly and names the field that is wrong. Domain errors are raised, never turned into
responses by hand: the kind's ``Dialect`` says what they look like.
"""
