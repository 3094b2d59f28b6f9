-- The owner of the sessions that anonymous people make.
INSERT INTO "users" ("id", "name") VALUES ('00000000-0000-0000-0000-000000000000', 'System') ON CONFLICT ("id") DO NOTHING;
--> statement-breakpoint
-- Every flush updates sessions' rows in place over and over; free space in each page keeps those updates heap-only.
ALTER TABLE "sessions" SET (fillfactor = 70);
