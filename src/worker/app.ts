/** The Worker's HTTP side: its middleware and where the routes are. */
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { cors } from 'hono/cors';
import { secureHeaders } from 'hono/secure-headers';
import { MAX_FRAME_BYTES } from '../protocol/limits.ts';
import { withFlushSecret } from './auth.ts';
import type { AppEnv, Env } from './env.ts';
import { ApiError, errorResponse } from './errors.ts';
import { type LiveList, liveList } from './live-list.ts';
import { accountRoutes } from './routes/accounts.ts';
import { adminPage, adminRoutes } from './routes/admin.ts';
import { agentRoutes } from './routes/agent.ts';
import { comingInRoutes } from './routes/coming-in.ts';
import { docsRoutes } from './routes/docs.ts';
import { flushRoutes, flushTurn } from './routes/flush.ts';
import { healthRoute, liveRoute } from './routes/health.ts';
import { metricsRoute } from './routes/metrics.ts';
import { peopleRoutes } from './routes/people.ts';
import { roomRoutes } from './routes/rooms.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { sharePage } from './routes/share.ts';
import { strudelRoutes } from './routes/strudels.ts';
import { versionRoutes } from './routes/versions.ts';
import type { Served } from './serve.ts';
import type { Services } from './services.ts';

/** A body is at most as large as a room's message. */
const MAX_BODY_BYTES = MAX_FRAME_BYTES;
const PREFLIGHT_MAX_AGE_S = 3_600;

/**
 * Every route that the API's document describes, in the order in which a request is matched.
 * @param live made once an app: what is kept of the public list is its isolate's.
 */
export function servedRoutes(live: LiveList = liveList()): Served[] {
  return [
    liveRoute,
    healthRoute(),
    metricsRoute(),
    ...flushRoutes,
    ...adminRoutes(),
    ...accountRoutes,
    // Before the sessions: `/join` must not be taken for a session's id.
    ...comingInRoutes,
    ...peopleRoutes,
    ...sessionRoutes(live),
    ...versionRoutes,
    ...strudelRoutes(),
    ...agentRoutes,
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
  const live = liveList();
  app.route('/', sharePage(live));

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
  const byToken = cors({
    origin: (origin, c) => {
      const allowed = c.var.services.config.ALLOWED_ORIGINS;
      if (allowed.length === 0) return '*';
      return allowed.includes(origin) ? origin : null;
    },
    maxAge: PREFLIGHT_MAX_AGE_S,
  });
  // Clients that signing in leads to may refresh their token, where browsers send them the cookie.
  const byCookie = cors({ origin: (origin) => origin, credentials: true, maxAge: PREFLIGHT_MAX_AGE_S });
  app.use('/api/v1/*', (c, next) => {
    const isAuth = c.req.path.startsWith('/api/v1/auth/');
    const origin = c.req.header('Origin');
    const mayUseCookie = origin && c.var.services.config.AUTH_REDIRECT_ORIGINS.includes(origin);
    return isAuth && mayUseCookie ? byCookie(c, next) : byToken(c, next);
  });

  // Whatever is asked there: without the secret nothing says which routes there are.
  app.use('/flush/*', async (c, next) => {
    await withFlushSecret.admit(c);
    await next();
  });
  const served = servedRoutes(live);
  app.post('/flush/turn', flushTurn);
  for (const { route, handle } of served) {
    app.on(route.method.toUpperCase(), route.path.replaceAll(/\{(\w+)\}/g, ':$1'), handle);
  }
  app.route('/', docsRoutes(served.map(({ route }) => route)));
  return app;
}
