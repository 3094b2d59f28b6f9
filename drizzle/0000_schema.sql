CREATE TABLE "anonymous_participants" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"session_id" uuid NOT NULL,
	"display_name" text NOT NULL,
	"role" text NOT NULL,
	"join_method" text DEFAULT 'grant' NOT NULL,
	"invite_id" uuid,
	"joined_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"left_at" timestamp (3) with time zone,
	"removed_at" timestamp (3) with time zone,
	"expires_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "anonymous_participants_join_method_known" CHECK ("anonymous_participants"."join_method" in ('owner', 'invite', 'discovery', 'grant')),
	CONSTRAINT "anonymous_participants_role_known" CHECK ("anonymous_participants"."role" in ('host', 'co-author', 'viewer')),
	CONSTRAINT "anonymous_participants_display_name_length" CHECK (char_length("anonymous_participants"."display_name") <= 100)
);
--> statement-breakpoint
CREATE TABLE "invite_tokens" (
	"id" uuid PRIMARY KEY NOT NULL,
	"session_id" uuid NOT NULL,
	"token" text NOT NULL,
	"role" text NOT NULL,
	"max_uses" integer,
	"uses_count" integer DEFAULT 0 NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"revoked_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "invite_tokens_token_unique" UNIQUE("token"),
	CONSTRAINT "invite_tokens_role_known" CHECK ("invite_tokens"."role" in ('co-author', 'viewer')),
	CONSTRAINT "invite_tokens_max_uses_positive" CHECK ("invite_tokens"."max_uses" > 0),
	CONSTRAINT "invite_tokens_uses_within_max" CHECK ("invite_tokens"."uses_count" >= 0 and "invite_tokens"."uses_count" <= "invite_tokens"."max_uses")
);
--> statement-breakpoint
CREATE TABLE "refresh_tokens" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"hash" text NOT NULL,
	"previous_hash" text,
	"rotated_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"revoked_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "session_messages" (
	"session_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"message_type" text NOT NULL,
	"role" text NOT NULL,
	"user_id" uuid,
	"display_name" text NOT NULL,
	"avatar_url" text,
	"content" text NOT NULL,
	"is_actionable" boolean DEFAULT false NOT NULL,
	"is_code_response" boolean DEFAULT false NOT NULL,
	"strudel_id" uuid,
	"created_at" timestamp (3) with time zone NOT NULL,
	"position" bigint NOT NULL,
	CONSTRAINT "session_messages_pk" PRIMARY KEY("session_id","id"),
	CONSTRAINT "session_messages_type_known" CHECK ("session_messages"."message_type" in ('chat', 'user_prompt', 'ai_response')),
	CONSTRAINT "session_messages_role_known" CHECK ("session_messages"."role" in ('user', 'assistant'))
);
--> statement-breakpoint
CREATE TABLE "session_participants" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"session_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"display_name" text NOT NULL,
	"role" text NOT NULL,
	"join_method" text DEFAULT 'grant' NOT NULL,
	"invite_id" uuid,
	"joined_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"left_at" timestamp (3) with time zone,
	"removed_at" timestamp (3) with time zone,
	CONSTRAINT "session_participants_session_user_unique" UNIQUE("session_id","user_id"),
	CONSTRAINT "session_participants_join_method_known" CHECK ("session_participants"."join_method" in ('owner', 'invite', 'discovery', 'grant')),
	CONSTRAINT "session_participants_role_known" CHECK ("session_participants"."role" in ('host', 'co-author', 'viewer')),
	CONSTRAINT "session_participants_display_name_length" CHECK (char_length("session_participants"."display_name") <= 100)
);
--> statement-breakpoint
CREATE TABLE "session_versions" (
	"session_id" uuid NOT NULL,
	"number" bigint NOT NULL,
	"rev" bigint NOT NULL,
	"cause" text NOT NULL,
	"user_id" uuid,
	"display_name" text,
	"created_at" timestamp (3) with time zone NOT NULL,
	"code" "bytea" NOT NULL,
	CONSTRAINT "session_versions_pk" PRIMARY KEY("session_id","number"),
	CONSTRAINT "session_versions_cause_known" CHECK ("session_versions"."cause" in ('typed', 'played', 'answered', 'switched', 'restored')),
	CONSTRAINT "session_versions_code_size" CHECK (octet_length("session_versions"."code") <= 103424)
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"title" text DEFAULT 'Untitled session' NOT NULL,
	"host_user_id" uuid NOT NULL,
	"code" text DEFAULT '' NOT NULL,
	"code_rev" bigint DEFAULT 0 NOT NULL,
	"receipts" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"transport" text DEFAULT '' NOT NULL,
	"played_code" text DEFAULT '' NOT NULL,
	"last_editor_id" uuid,
	"made_from" text,
	"is_active" boolean DEFAULT true NOT NULL,
	"is_discoverable" boolean DEFAULT false NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp (3) with time zone,
	"last_activity" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "sessions_title_length" CHECK (char_length("sessions"."title") <= 200),
	CONSTRAINT "sessions_code_size" CHECK (octet_length("sessions"."code") <= 102400),
	CONSTRAINT "sessions_code_rev_not_negative" CHECK ("sessions"."code_rev" >= 0)
);
--> statement-breakpoint
CREATE TABLE "strudel_messages" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"strudel_id" uuid NOT NULL,
	"user_id" uuid,
	"role" text NOT NULL,
	"content" text NOT NULL,
	"is_actionable" boolean DEFAULT false NOT NULL,
	"is_code_response" boolean DEFAULT false NOT NULL,
	"clarifying_questions" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "strudel_messages_role_known" CHECK ("strudel_messages"."role" in ('user', 'assistant'))
);
--> statement-breakpoint
CREATE TABLE "strudel_uses" (
	"strudel_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"uses" integer DEFAULT 1 NOT NULL,
	"last_used_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "strudel_uses_pk" PRIMARY KEY("strudel_id","user_id")
);
--> statement-breakpoint
CREATE TABLE "strudels" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_id" uuid NOT NULL,
	"title" text NOT NULL,
	"code" text NOT NULL,
	"description" text,
	"tags" text[] DEFAULT '{}'::text[] NOT NULL,
	"categories" text[] DEFAULT '{}'::text[] NOT NULL,
	"license" text,
	"cc_signal" text,
	"forked_from" uuid,
	"parent_title" text,
	"parent_author" text,
	"parent_cc_signal" text,
	"inherits_no_ai" boolean DEFAULT false NOT NULL,
	"is_public" boolean DEFAULT false NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "strudels_title_length" CHECK (char_length("strudels"."title") <= 200),
	CONSTRAINT "strudels_code_size" CHECK (octet_length("strudels"."code") <= 102400)
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" uuid PRIMARY KEY NOT NULL,
	"subject" text,
	"provider" text,
	"name" text,
	"avatar_url" text,
	"email" text,
	"has_own_name" boolean DEFAULT false NOT NULL,
	"has_own_avatar" boolean DEFAULT false NOT NULL,
	"ai_features_enabled" boolean DEFAULT true NOT NULL,
	"training_consent" boolean DEFAULT false NOT NULL,
	"token_epoch" uuid DEFAULT gen_random_uuid() NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "users_subject_unique" UNIQUE("subject")
);
--> statement-breakpoint
ALTER TABLE "anonymous_participants" ADD CONSTRAINT "anonymous_participants_session_id_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "anonymous_participants" ADD CONSTRAINT "anonymous_participants_invite_id_invite_tokens_id_fk" FOREIGN KEY ("invite_id") REFERENCES "public"."invite_tokens"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "invite_tokens" ADD CONSTRAINT "invite_tokens_session_id_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "refresh_tokens" ADD CONSTRAINT "refresh_tokens_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session_messages" ADD CONSTRAINT "session_messages_session_id_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session_messages" ADD CONSTRAINT "session_messages_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session_messages" ADD CONSTRAINT "session_messages_strudel_id_strudels_id_fk" FOREIGN KEY ("strudel_id") REFERENCES "public"."strudels"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session_participants" ADD CONSTRAINT "session_participants_session_id_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session_participants" ADD CONSTRAINT "session_participants_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session_participants" ADD CONSTRAINT "session_participants_invite_id_invite_tokens_id_fk" FOREIGN KEY ("invite_id") REFERENCES "public"."invite_tokens"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session_versions" ADD CONSTRAINT "session_versions_session_id_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session_versions" ADD CONSTRAINT "session_versions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_host_user_id_users_id_fk" FOREIGN KEY ("host_user_id") REFERENCES "public"."users"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_last_editor_id_users_id_fk" FOREIGN KEY ("last_editor_id") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strudel_messages" ADD CONSTRAINT "strudel_messages_strudel_id_strudels_id_fk" FOREIGN KEY ("strudel_id") REFERENCES "public"."strudels"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strudel_messages" ADD CONSTRAINT "strudel_messages_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strudel_uses" ADD CONSTRAINT "strudel_uses_strudel_id_strudels_id_fk" FOREIGN KEY ("strudel_id") REFERENCES "public"."strudels"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strudel_uses" ADD CONSTRAINT "strudel_uses_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strudels" ADD CONSTRAINT "strudels_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strudels" ADD CONSTRAINT "strudels_forked_from_strudels_id_fk" FOREIGN KEY ("forked_from") REFERENCES "public"."strudels"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "anonymous_participants_session_idx" ON "anonymous_participants" USING btree ("session_id");--> statement-breakpoint
CREATE INDEX "anonymous_participants_expires_idx" ON "anonymous_participants" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "anonymous_participants_invite_idx" ON "anonymous_participants" USING btree ("invite_id") WHERE "anonymous_participants"."invite_id" is not null;--> statement-breakpoint
CREATE INDEX "invite_tokens_session_idx" ON "invite_tokens" USING btree ("session_id");--> statement-breakpoint
CREATE INDEX "refresh_tokens_user_idx" ON "refresh_tokens" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "refresh_tokens_expires_idx" ON "refresh_tokens" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "session_messages_history_idx" ON "session_messages" USING btree ("session_id","position","id");--> statement-breakpoint
CREATE INDEX "session_messages_user_idx" ON "session_messages" USING btree ("user_id") WHERE "session_messages"."user_id" is not null;--> statement-breakpoint
CREATE INDEX "session_messages_strudel_idx" ON "session_messages" USING btree ("strudel_id") WHERE "session_messages"."strudel_id" is not null;--> statement-breakpoint
CREATE INDEX "session_participants_user_idx" ON "session_participants" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "session_participants_invite_idx" ON "session_participants" USING btree ("invite_id") WHERE "session_participants"."invite_id" is not null;--> statement-breakpoint
CREATE INDEX "session_versions_user_idx" ON "session_versions" USING btree ("user_id") WHERE "session_versions"."user_id" is not null;--> statement-breakpoint
CREATE INDEX "sessions_host_idx" ON "sessions" USING btree ("host_user_id");--> statement-breakpoint
CREATE INDEX "sessions_active_idx" ON "sessions" USING btree ("created_at") WHERE "sessions"."is_active";--> statement-breakpoint
CREATE INDEX "sessions_ended_idx" ON "sessions" USING btree ("ended_at") WHERE not "sessions"."is_active";--> statement-breakpoint
CREATE INDEX "sessions_live_idx" ON "sessions" USING btree ("created_at") WHERE "sessions"."is_active" and "sessions"."is_discoverable";--> statement-breakpoint
CREATE INDEX "strudel_messages_strudel_idx" ON "strudel_messages" USING btree ("strudel_id","created_at");--> statement-breakpoint
CREATE INDEX "strudel_messages_user_idx" ON "strudel_messages" USING btree ("user_id") WHERE "strudel_messages"."user_id" is not null;--> statement-breakpoint
CREATE INDEX "strudel_uses_user_idx" ON "strudel_uses" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "strudels_user_idx" ON "strudels" USING btree ("user_id","updated_at");--> statement-breakpoint
CREATE INDEX "strudels_public_idx" ON "strudels" USING btree ("updated_at") WHERE "strudels"."is_public";--> statement-breakpoint
CREATE INDEX "strudels_forked_from_idx" ON "strudels" USING btree ("forked_from") WHERE "strudels"."forked_from" is not null;