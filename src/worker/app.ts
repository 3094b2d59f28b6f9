/** The Worker's HTTP side: its middleware and where the routes are. */
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { cors } from 'hono/cors';
import { secureHeaders } from 'hono/secure-headers';
import { MAX_FRAME_BYTES } from '../protocol/limits.ts';
import type { AppEnv, Env } from './env.ts';
import { ApiError, errorResponse } from './errors.ts';
import { docsRoutes, openApiRoutes } from './routes/docs.ts';
import { flushRoutes } from './routes/flush.ts';
import { healthRoutes } from './routes/health.ts';
import { inviteRoutes } from './routes/invites.ts';
import { messageRoutes } from './routes/messages.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { participantRoutes } from './routes/participants.ts';
import { roomRoutes } from './routes/rooms.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { strudelRoutes } from './routes/strudels.ts';
import { visibilityRoutes } from './routes/visibility.ts';
import type { Services } from './services.ts';

/** A body is at most as large as a room's message. */
const MAX_BODY_BYTES = MAX_FRAME_BYTES;
const PREFLIGHT_MAX_AGE_S = 3_600;

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

  // Nothing here is a page but the documentation, which has one style sheet. What no browser asks for costs nothing.
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

  return (
    app
      .route('/health', healthRoutes())
      .route('/metrics', metricsRoutes())
      .route('/flush', flushRoutes)
      .route('/docs', docsRoutes)
      .route('/api/v1', openApiRoutes)
      // Invites first: `/join` must not be taken for a session's id.
      .route('/api/v1/sessions', inviteRoutes)
      .route('/api/v1/sessions', messageRoutes)
      .route('/api/v1/sessions', participantRoutes)
      .route('/api/v1/sessions', visibilityRoutes)
      .route('/api/v1/sessions', sessionRoutes)
      .route('/api/v1/strudels', strudelRoutes)
  );
}

/** All routes with what they take and answer, for typed clients: `hc<AppType>(workerUrl)` of `hono/client`. */
export type AppType = ReturnType<typeof createApp>;
