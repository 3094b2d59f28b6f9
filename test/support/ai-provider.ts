/**
 * A loopback server that speaks the streaming protocols of Anthropic's messages and OpenAI's chat
 * completions, as far as answers in text go.
 * https://docs.anthropic.com/en/docs/build-with-claude/streaming,
 * https://platform.openai.com/docs/api-reference/chat-streaming
 */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { closeAtOnce, listenOnLoopback } from '../../dev/loopback.ts';

export interface ProviderRequest {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** An answer in the test's hands. */
export interface OpenAnswer {
  send(text: string): void;
  end(): void;
  /** Resolves when the other side has hung up before the end. */
  hungUp: Promise<void>;
}

type Answer = (response: ServerResponse, protocol: Protocol) => void;

export interface AiProvider {
  /** Base URL of both protocols. */
  url: string;
  /** Everything it was asked, oldest first. */
  requests: ProviderRequest[];
  /** The next request is answered with these pieces. */
  answer(...pieces: string[]): void;
  /** The next request is refused. */
  refuse(status: number, body: unknown): void;
  /** The next request's answer begins, and waits for the test. Resolves when the request is there. */
  hold(): Promise<OpenAnswer>;
  stop(): Promise<void>;
}

interface Protocol {
  begin(): string;
  piece(text: string): string;
  end(): string;
}

const event = (data: { type: string }) => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
const chunk = (data: object) =>
  `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm', ...data })}\n\n`;
const choice = (delta: object, finish: string | null = null) => ({
  choices: [{ index: 0, delta, finish_reason: finish }],
});

const PROTOCOLS: Record<string, Protocol> = {
  '/v1/messages': {
    begin: () =>
      event({
        type: 'message_start',
        ...{
          message: {
            id: 'm1',
            type: 'message',
            role: 'assistant',
            content: [],
            model: 'm',
            stop_reason: null,
            stop_sequence: null,
            usage: { input_tokens: 3, output_tokens: 1 },
          },
        },
      }) + event({ type: 'content_block_start', ...{ index: 0, content_block: { type: 'text', text: '' } } }),
    piece: (text) =>
      event({ type: 'content_block_delta', ...{ index: 0, delta: { type: 'text_delta', text } } }),
    end: () =>
      event({ type: 'content_block_stop', ...{ index: 0 } }) +
      event({
        type: 'message_delta',
        ...{ delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 9 } },
      }) +
      event({ type: 'message_stop' }),
  },
  '/v1/chat/completions': {
    begin: () => chunk(choice({ role: 'assistant', content: '' })),
    piece: (text) => chunk(choice({ content: text })),
    end: () =>
      chunk(choice({}, 'stop')) +
      chunk({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 9, total_tokens: 12 } }) +
      'data: [DONE]\n\n',
  },
};

/** Starts a provider on a free port. A request that nothing was prepared for is refused with 418. */
export async function startAiProvider(): Promise<AiProvider> {
  const requests: ProviderRequest[] = [];
  const answers: Answer[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request.setEncoding('utf8')) body += part;
    requests.push({ path: request.url ?? '', headers: request.headers, body });
    const protocol = PROTOCOLS[request.url ?? ''];
    const answer = protocol && answers.shift();
    if (!answer) {
      response.writeHead(protocol ? 418 : 404).end('nothing was prepared for this request');
      return;
    }
    answer(response, protocol);
  });
  const port = await listenOnLoopback(server);

  const begin: Answer = (response, protocol) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(protocol.begin());
  };
  return {
    url: `http://127.0.0.1:${port}/v1`,
    requests,
    answer(...pieces) {
      answers.push((response, protocol) => {
        begin(response, protocol);
        for (const text of pieces) response.write(protocol.piece(text));
        response.end(protocol.end());
      });
    },
    refuse(status, body) {
      answers.push((response) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    },
    hold: () =>
      new Promise((resolve) => {
        answers.push((response, protocol) => {
          begin(response, protocol);
          resolve({
            send: (text) => response.write(protocol.piece(text)),
            end: () => response.end(protocol.end()),
            hungUp: new Promise((hangUp) => {
              response.once('close', () => {
                if (!response.writableEnded) hangUp();
              });
            }),
          });
        });
      }),
    stop: () => closeAtOnce(server),
  };
}
