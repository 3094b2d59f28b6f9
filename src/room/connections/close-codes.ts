/**
 * Close codes: RFC 6455's, and of the range for applications 4401, 4403 and 4404, which mean what HTTP's 401,
 * 403 and 404 do.
 */
export const CLOSE = {
  ended: 1000,
  replaced: 1000,
  idle: 1001,
  flood: 1008,
  tooLarge: 1009,
  moved: 1012,
  unavailable: 1013,
  unauthorized: 4401,
  forbidden: 4403,
  notFound: 4404,
} as const;
