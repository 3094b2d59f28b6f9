/** The Worker's HTTP side: its middleware and where the routes are. */
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { cors } from 'hono/cors';
import { secureHeaders } from 'hono/secure-headers';
import { MAX_FRAME_BYTES } from '../protocol/limits.ts';
import { withFlushSecret } from './auth.ts';
import type { AppEnv, Env } from './env.ts';
import { ApiError, errorResponse } from './errors.ts';
import { adminPage, adminRoutes } from './routes/admin.ts';
import { docsRoutes } from './routes/docs.ts';
import { flushRoutes, flushTurn } from './routes/flush.ts';
import { healthRoute, liveRoute } from './routes/health.ts';
import { metricsRoute } from './routes/metrics.ts';
import { peopleRoutes } from './routes/people.ts';
import { roomRoutes } from './routes/rooms.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { strudelRoutes } from './routes/strudels.ts';
import type { Served } from './serve.ts';
import type { Services } from './services.ts';

/** A body is at most as large as a room's message. */
const MAX_BODY_BYTES = MAX_FRAME_BYTES;
const PREFLIGHT_MAX_AGE_S = 3_600;

/** Every route that the API's document describes, in the order in which a request is matched. */
export function servedRoutes(): Served[] {
  return [
    liveRoute,
    healthRoute(),
    metricsRoute(),
    ...flushRoutes,
    ...adminRoutes(),
    // Before the sessions: `/join` must not be taken for a session's id.
    ...peopleRoutes,
    ...sessionRoutes(),
    ...strudelRoutes,
  ];
}

/**
 * Makes the app. Every error, an unknown route too, is answered as `{ error, message, details? }`.
 * @param options.services gives what the routes work with; what it throws is answered like any error.
 */
export function createApp(options: { services: (env: Env) => Services }) {
  const app = new Hono<AppEnv>();
  app.onError(errorResponse);
  app.notFound((c) => errorResponse(new ApiError(404, 'not_found', 'there is no such route'), c));

  app.use(async (c, next) => {
    c.set('services', options.services(c.env));
    await next();
  });
  // Before the rest: what is below is for answers, and an upgraded connection is none.
  app.route('/', roomRoutes);
  // With the headers of a page.
  app.route('/', adminPage);

  // Nothing here is a page but the documentation, which has one style sheet. What no browser asks for costs
  // nothing.
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
      xFrameOptions: 'DENY',
      referrerPolicy: 'no-referrer',
    }),
  );
  app.use(async (c, next) => {
    await next();
    // Replies carry tokens and live state.
    c.header('Cache-Control', 'no-store');
  });
  app.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: () => {
        throw new ApiError(413, 'validation_error', `a body is at most ${MAX_BODY_BYTES} bytes`);
      },
    }),
  );
  app.use(
    '/api/v1/*',
    cors({
      origin: (origin, c) => {
        const allowed = c.var.services.config.ALLOWED_ORIGINS;
        if (allowed.length === 0) return '*';
        return allowed.includes(origin) ? origin : null;
      },
      maxAge: PREFLIGHT_MAX_AGE_S,
    }),
  );

  // Whatever is asked there: without the secret nothing says which routes there are.
  app.use('/flush/*', async (c, next) => {
    await withFlushSecret.admit(c);
    await next();
  });
  const served = servedRoutes();
  app.post('/flush/turn', flushTurn);
  for (const { route, handle } of served) {
    app.on(route.method.toUpperCase(), route.path.replaceAll(/\{(\w+)\}/g, ':$1'), handle);
  }
  app.route('/', docsRoutes(served.map(({ route }) => route)));
  return app;
}
