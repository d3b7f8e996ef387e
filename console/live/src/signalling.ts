import { io, type Socket } from 'socket.io-client';
import { ConnectionError, LiveError } from './errors.js';

const ANSWERED_WITHIN = 15_000;
const AGAIN = 5;

export interface Address {
  /** The server's origin, such as `https://stoa.example`. */
  server: string;
  /** Who is signed in by a bearer token instead of the login cookie. */
  auth?: { token: string } | undefined;
  /** The room's name, by which a proxy may send everybody in it to the same node. */
  room?: string | undefined;
}

type Answer = { ok: true } | { ok: false; code: string; message: string; url?: string };

/** One connection to the namespace `/live`. It is not taken up again when it breaks: each join needs a new token. */
export class Signalling {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async open(address: Address, heard: (event: string, data: unknown) => void, closed: () => void): Promise<Signalling> {
    const socket = io(`${address.server}/live`, {
      auth: address.auth ?? {}, query: address.room ? { room: address.room } : {}, transports: ['websocket', 'polling'], tryAllTransports: true, reconnection: false, forceNew: true,
      timeout: ANSWERED_WITHIN,
    });
    socket.onAny((event: string, data: unknown) => heard(event, data));
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('connect_error', (error) => {
        socket.disconnect();
        reject(new ConnectionError(error.message));
      });
    });
    socket.once('disconnect', () => {
      socket.disconnect();
      closed();
    });
    return new Signalling(socket);
  }

  /** Raises LiveError where the server refuses, ConnectionError where it does not answer. */
  async ask<Told extends object = object>(event: string, data: object = {}): Promise<Told> {
    for (let again = AGAIN; ; again--) {
      const answer = await this.#once(event, data);
      if (answer.ok) return answer as unknown as Told;
      // Many who come at once are a lot of offers to answer: what was too much now is asked again.
      if (answer.code !== 'rate_limited' || !again) throw new LiveError(answer.code, answer.message, answer.url);
      await new Promise((resolve) => setTimeout(resolve, 500 + 500 * Math.random()));
    }
  }

  async #once(event: string, data: object): Promise<Answer> {
    try {
      return (await this.#socket.timeout(ANSWERED_WITHIN).emitWithAck(event, data)) as Answer;
    } catch {
      throw new ConnectionError('The connection is gone.');
    }
  }

  /** `closed` is told of it, as of a connection that breaks. */
  close(): void {
    this.#socket.disconnect();
  }
}
