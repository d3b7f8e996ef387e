// A room as the server would tell of it, over real Socket.IO.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, type Socket } from 'socket.io';
import { LiveRoom, type RoomEvents, type RoomOptions } from '../src/index.js';

type Asked = { event: string; data: Record<string, unknown> };
type Answer = Record<string, unknown>;

export class Stage {
  readonly asked: Asked[] = [];
  /** What is answered instead of the usual. */
  readonly answers: Record<string, (data: Record<string, unknown>) => Answer> = {};
  /** What `join` answers besides the usual. */
  joined: Answer = {};
  sockets: Socket[] = [];
  readonly #http = createServer();
  readonly #io = new Server(this.#http);

  static async open(): Promise<Stage> {
    const stage = new Stage();
    stage.#io.of('/live').on('connection', (socket) => {
      stage.sockets.push(socket);
      socket.onAny((event: string, data: Record<string, unknown>, acknowledge: (answer: Answer) => void) => {
        stage.asked.push({ event, data });
        const own = stage.answers[event]?.(data);
        acknowledge({ ok: true, ...(event === 'join' ? stage.#join(data) : event === 'publish' ? { sdp: 'answer' } : {}), ...own });
      });
    });
    await new Promise<void>((resolve) => stage.#http.listen(0, '127.0.0.1', resolve));
    return stage;
  }

  get server(): string { return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`; }

  room(options: Partial<RoomOptions> = {}): LiveRoom {
    return new LiveRoom({ token: async () => 'token', server: this.server, ...options });
  }

  tell(event: string, data: object): void { this.sockets.at(-1)!.emit(event, data); }
  entry(seq: number, type: string, more: object = {}): void { this.tell('entry', { seq, at: seq, type, ...more }); }
  /** As a network that breaks off. */
  cut(): void { this.sockets.at(-1)!.conn.close(); }
  of(event: string): Record<string, unknown>[] { return this.asked.filter((each) => each.event === event).map(({ data }) => data); }

  async close(): Promise<void> {
    await this.#io.close();
  }

  #join(data: Record<string, unknown>): Answer {
    return {
      room: 'r', userId: 'me', name: 'Me', role: 'student', isOwner: false, micAllowed: true, cameraAllowed: true,
      resumed: data['resume'], participants: [{ userId: 'ada', name: 'Ada', role: 'instructor' }], seq: 0,
      provider: 'embedded', entry: {}, offer: offer(1), ...this.joined,
    };
  }
}

export function offer(version: number, ...publications: string[]) {
  return {
    version, sdp: ['m=0', ...publications.map((_, index) => `m=${index + 1}`)].join('\n'),
    tracks: publications.map((publication, index) => ({ mid: String(index + 1), publication, userId: 'ada', source: 'camera' })),
  };
}

export async function eventually<T>(found: () => T): Promise<T> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const now = found();
    if (now) return now;
    if (Date.now() > deadline) throw new Error(`It never came true: ${found}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** All of an event's data from now on. */
export function heard<Name extends keyof RoomEvents>(room: LiveRoom, name: Name): RoomEvents[Name][] {
  const all: RoomEvents[Name][] = [];
  room.on(name, (data) => all.push(data));
  return all;
}
