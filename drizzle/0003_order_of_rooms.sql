ALTER TABLE "session_messages" ADD COLUMN "epoch" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "code_lift" bigint DEFAULT 0 NOT NULL;