import { defineConfig } from 'drizzle-kit';

/**
 * `npx drizzle-kit generate` writes migrations from the schema; `npx drizzle-kit migrate` applies
 * them to DATABASE_URL.
 */
export default defineConfig({
  dialect: 'postgresql',
  schema: './src/postgres/schema.ts',
  out: './drizzle',
  dbCredentials: { url: process.env.DATABASE_URL ?? '' },
});
