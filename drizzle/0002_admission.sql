ALTER TABLE "anonymous_participants" ADD COLUMN "via" text DEFAULT 'grant' NOT NULL;--> statement-breakpoint
ALTER TABLE "anonymous_participants" ADD COLUMN "invite_id" uuid;--> statement-breakpoint
ALTER TABLE "anonymous_participants" ADD COLUMN "removed_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "session_participants" ADD COLUMN "via" text DEFAULT 'grant' NOT NULL;--> statement-breakpoint
ALTER TABLE "session_participants" ADD COLUMN "invite_id" uuid;--> statement-breakpoint
ALTER TABLE "session_participants" ADD COLUMN "removed_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "anonymous_participants" ADD CONSTRAINT "anonymous_participants_invite_id_invite_tokens_id_fk" FOREIGN KEY ("invite_id") REFERENCES "public"."invite_tokens"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session_participants" ADD CONSTRAINT "session_participants_invite_id_invite_tokens_id_fk" FOREIGN KEY ("invite_id") REFERENCES "public"."invite_tokens"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "anonymous_participants_invite_idx" ON "anonymous_participants" USING btree ("invite_id") WHERE "anonymous_participants"."invite_id" is not null;--> statement-breakpoint
CREATE INDEX "session_participants_invite_idx" ON "session_participants" USING btree ("invite_id") WHERE "session_participants"."invite_id" is not null;--> statement-breakpoint
CREATE INDEX "sessions_active_idx" ON "sessions" USING btree ("created_at") WHERE "sessions"."is_active";--> statement-breakpoint
ALTER TABLE "anonymous_participants" ADD CONSTRAINT "anonymous_participants_via_known" CHECK ("anonymous_participants"."via" in ('owner', 'invite', 'discovery', 'grant'));--> statement-breakpoint
ALTER TABLE "session_participants" ADD CONSTRAINT "session_participants_via_known" CHECK ("session_participants"."via" in ('owner', 'invite', 'discovery', 'grant'));