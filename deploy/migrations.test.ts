/** Migrations only add, from the first release on. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT_DIR } from '../dev/project.ts';
import { breakingChanges } from './migrations.ts';

describe('a migration', () => {
  it.each([
    'CREATE TABLE "a" ("id" uuid PRIMARY KEY NOT NULL, "deleted" boolean);',
    'ALTER TABLE "a" ADD COLUMN "b" text;',
    'ALTER TABLE "a" ADD COLUMN "b" text DEFAULT \'\' NOT NULL;',
    'ALTER TABLE "a" ADD COLUMN "b" text NOT NULL DEFAULT \'\';',
    'CREATE TABLE "a" ("b" uuid);--> statement-breakpoint\nCREATE INDEX "i" ON "a" USING btree ("b");',
    'CREATE TABLE "a" ("b" uuid);--> statement-breakpoint\nUPDATE "a" SET "b" = null;',
    'CREATE TABLE "a" ("b" uuid);--> statement-breakpoint\nCREATE TRIGGER "t" BEFORE INSERT ON "a" EXECUTE FUNCTION f();',
    '-- made before the deploy: i\nCREATE INDEX IF NOT EXISTS "i" ON "a" USING btree ("b");',
    'ALTER TABLE "a" ADD COLUMN "b" timestamp DEFAULT now() NOT NULL;',
    'CREATE TABLE "a" ("b" uuid REFERENCES "d"("id") ON DELETE cascade ON UPDATE no action);',
    'INSERT INTO "a" VALUES (1) ON CONFLICT ("id") DO UPDATE SET "b" = 1;',
    'UPDATE "a" SET "b" = 1 WHERE "id" = \'00000000-0000-0000-0000-000000000000\';',
    'CREATE TABLE "a" ("b" uuid);\n--> statement-breakpoint\nALTER TABLE "a" ADD CONSTRAINT "c" FOREIGN KEY ("b") REFERENCES "d"("id") ON DELETE cascade;',
    'CREATE TABLE "a" ("b" uuid);\n--> statement-breakpoint\nCREATE UNIQUE INDEX "i" ON "a" USING btree ("b");',
    'ALTER TABLE "a" ADD COLUMN "b" text;--> statement-breakpoint\nALTER TABLE "a" ADD CONSTRAINT "c" CHECK ("a"."b" in (\'x\'));',
    // Longer titles, say.
    'ALTER TABLE "a" DROP CONSTRAINT "a_length";--> statement-breakpoint\nALTER TABLE "a" ADD CONSTRAINT "a_length" CHECK (true);',
    'ALTER TABLE "a" ALTER COLUMN "b" DROP NOT NULL;',
    'INSERT INTO "a" VALUES (1) ON CONFLICT DO NOTHING;',
    '-- drop table a;\nALTER TABLE "a" ADD COLUMN "b" text;',
    '-- second step after v1.4.0\nALTER TABLE "a" DROP COLUMN "b";',
  ])('that only adds is fine: %s', (sql) => {
    expect(breakingChanges(sql)).toEqual([]);
  });

  it.each([
    'DROP TABLE "a";',
    'ALTER TABLE "a" DROP COLUMN "b";',
    'ALTER TABLE "a" RENAME COLUMN "b" TO "c";',
    'ALTER TABLE "a" RENAME TO "b";',
    'ALTER TABLE "a" ALTER COLUMN "b" SET NOT NULL;',
    'ALTER TABLE "a" ALTER COLUMN "b" SET DATA TYPE bigint;',
    'ALTER TABLE "a" ADD COLUMN "b" text NOT NULL;',
    'ALTER TABLE "a" ALTER COLUMN "b" DROP DEFAULT;',
    'ALTER TABLE "a" DROP CONSTRAINT "a_b_unique";',
    'ALTER TABLE "a" ADD CONSTRAINT "c" CHECK ("a"."b" in (\'x\'));',
    'ALTER TABLE "a" ADD CONSTRAINT "c" UNIQUE("b");',
    'ALTER TABLE "a" ADD CONSTRAINT "c" FOREIGN KEY ("b") REFERENCES "d"("id");',
    'CREATE UNIQUE INDEX "i" ON "a" USING btree ("b");',
    'TRUNCATE "a";',
    'CREATE TABLE "x" ("id" uuid);\n--> statement-breakpoint\nDELETE FROM "a";',
  ])('that takes away is not: %s', (sql) => {
    expect(breakingChanges(sql)).toHaveLength(1);
  });

  it.each([
    'CREATE INDEX "i" ON "a" ("b");',
    'CREATE INDEX IF NOT EXISTS "i" ON "a" USING btree ("b");',
    'CREATE INDEX "i" ON public.a ("b");',
    // Not possible in the transaction in which migrations are applied.
    'CREATE INDEX CONCURRENTLY "i" ON "a" ("b");',
    '-- made before the deploy: other\nCREATE INDEX IF NOT EXISTS "i" ON "a" ("b");',
    '-- made before the deploy: i\nCREATE INDEX "i" ON "a" ("b");',
    'CREATE TABLE "x" ("id" uuid);--> statement-breakpoint\nCREATE INDEX "i" ON "a" ("x");',
    'ALTER TABLE "a" ADD COLUMN "b" text;--> statement-breakpoint\nCREATE INDEX "i" ON "a" ("b");',
    'ALTER TABLE "a" ADD COLUMN "b" text UNIQUE;',
    'ALTER TABLE "a" ADD COLUMN "b" text;--> statement-breakpoint\nALTER TABLE "a" ADD CONSTRAINT "c" UNIQUE("b");',
    'ALTER TABLE "a" ADD COLUMN "b" uuid DEFAULT gen_random_uuid() NOT NULL;',
    'ALTER TABLE "a" ADD COLUMN "b" bigserial;',
    'ALTER TABLE "a" ADD COLUMN "b" text GENERATED ALWAYS AS (lower("c")) STORED;',
    'UPDATE "a" SET "b" = 1;',
    'UPDATE "a" SET "b" = "c" WHERE "b" IS NULL;',
    'update only a as x set b = 1',
    'WITH "x" AS (SELECT 1) UPDATE "a" SET "b" = 1;',
    'DO $$ BEGIN UPDATE "a" SET "b" = 1; END $$;',
    'CREATE TRIGGER "t" BEFORE INSERT OR UPDATE ON "a" FOR EACH ROW EXECUTE FUNCTION f();',
    'CREATE OR REPLACE TRIGGER "t" AFTER DELETE ON "a" EXECUTE FUNCTION f();',
    'CREATE RULE "r" AS ON INSERT TO "a" DO NOTHING;',
    'LOCK TABLE "a";',
    'VACUUM FULL "a";',
    '-- second step after v1.4.0\nCREATE INDEX "i" ON "a" ("b");',
  ])('that keeps what runs from working is not: %s', (sql) => {
    expect(breakingChanges(sql)).toHaveLength(1);
  });
});

describe('the migrations of this repository', () => {
  it('since the last release only add', () => {
    const git = (...args: string[]) =>
      execFileSync('git', ['-C', PROJECT_DIR, ...args], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    const [release] = git('tag', '--merged', 'HEAD', '--list', 'v[0-9]*', '--sort=-version:refname').split(
      '\n',
    );
    const files = readdirSync(join(PROJECT_DIR, 'drizzle')).filter((file) => file.endsWith('.sql'));
    // Before the first release there is no older code that they could break.
    const released = release ? git('ls-tree', '--name-only', release, 'drizzle/') : files.join('\n');
    const added = files.filter((file) => !released.includes(file));
    const broken = added.flatMap((file) =>
      breakingChanges(readFileSync(join(PROJECT_DIR, 'drizzle', file), 'utf8')).map(
        (what) => `${file} ${what}`,
      ),
    );
    expect(broken).toEqual([]);
    expect(files.length).toBeGreaterThan(0);
  });
});
