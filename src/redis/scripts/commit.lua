-- One group commit of a room: the newest code and all new messages, at once or not at all. Doing it twice is
-- doing it once.
--
-- KEYS[1] session hash, KEYS[2] messages hash, KEYS[3] dirty set, KEYS[4] sweeper's lease
-- ARGV[1] session id, ARGV[2] the room's term
-- ARGV[3] number of this attempt, greater than that of any before it
-- ARGV[4] number of the last commit that has to be here, 0 for none: where the last one here is an earlier
--   one, the buffer has lost some
-- ARGV[5] revision that the room knows to be in Postgres
-- ARGV[6] revision of the code, or '' for a batch without code; then ARGV[7] code, ARGV[8] time of the edit
--   (ms), ARGV[9] editor's user id or '', ARGV[10] number of edits it stands for,
--   ARGV[11] and ARGV[12] what plays (see transport.ts), or ARGV[11] '=' when that is as it was here
-- ARGV[13] '' when ARGV[7] is the whole code; else ARGV[7] is a piece of it, and this says what it replaces
--   in which code: its revision, first byte (from 0), bytes replaced, size of that code in bytes, with blanks
-- ARGV[14] 1 to report the system's load, which costs two commands more
-- ARGV[15] seconds that a clean session stays readable
-- ARGV[16] 1 when the receipts are all there are: those here belong to code that this one isn't made from
-- ARGV[17] number of messages n, followed by n pairs (id, JSON), followed by pairs (receipt's key, receipt or
--   '' to forget it)
-- Returns { 1, flushed revision, 1 if dirty, number of the last commit, lease left (ms), dirty sessions; both
--   0 when not asked for }, or { 0 } when a later term has been registered, or { 2 } when the whole code is
--   needed, as the one here isn't the one that the piece belongs to, or { 3 } when commits are lost. Then
--   nothing has changed.
--
-- Each command of a script may be billed: most commits take three.
-- What isn't a number counts as none, and is written over.
local function number(value)
  local found = tonumber(string.match(value or '', '^%d+$') or '')
  return found and found < 2 ^ 53 and found or 0
end

local held = redis.call('HMGET', KEYS[1],
  'term', 'rev', 'flushed', 'put_aside', 'last_commit', 'dirty', 'commits', 'edits', 'messages')
-- The fence: without it a room that was replaced while it hung would overwrite its successor.
if number(held[1]) > tonumber(ARGV[2]) then return { 0 } end
-- Nothing is taken before the room knows: were the answer lost that says so, the next one would find all in
-- order.
local last_commit = number(held[5])
if last_commit < tonumber(ARGV[4]) then return { 3 } end

local rev = number(held[2])
local new_rev = tonumber(ARGV[6])
-- The newest attempt has the newest code of its term, which only this room gives numbers of: a greater one of
-- that term, or of a later one, is damaged. One of an earlier term may be of an instance that this one hasn't
-- heard of.
local is_impossible = new_rev and new_rev < rev and rev >= tonumber(ARGV[2]) * 2 ^ 22
if is_impossible and tonumber(ARGV[3]) > last_commit then rev = 0 end
local is_newer = new_rev and new_rev > rev
-- Nor can more than that be dealt with; what the room knows of Postgres counts.
local flushed, put_aside = number(held[3]), number(held[4])
local newest = is_newer and new_rev or rev
-- Without code in the buffer it is what is known of Postgres'.
local has_code = held[2] or is_newer
if has_code and flushed > newest then flushed = 0 end
flushed = math.max(flushed, tonumber(ARGV[5]))
-- An attempt that was given up, and arrives late, doesn't count as the last.
last_commit = math.max(last_commit, tonumber(ARGV[3]))
local fields = {}
local function set(name, value)
  fields[#fields + 1] = name
  fields[#fields + 1] = type(value) == 'number' and string.format('%.0f', value) or value
end
set('term', ARGV[2])
set('last_commit', last_commit)
set('flushed', flushed)
set('commits', number(held[7]) + 1)

if put_aside > newest then
  put_aside = 0
  set('put_aside', put_aside)
end
if is_newer then
  local code = ARGV[7]
  if ARGV[13] ~= '' then
    local base_rev, start, deleted, size = string.match(ARGV[13], '^(%d+) (%d+) (%d+) (%d+)$')
    local base = rev == tonumber(base_rev) and redis.call('HGET', KEYS[1], 'code')
    if not base or #base ~= tonumber(size) then return { 2 } end
    code = string.sub(base, 1, tonumber(start)) .. code .. string.sub(base, start + deleted + 1)
  end
  set('code', code)
  set('rev', ARGV[6])
  set('edited_at', ARGV[8])
  set('editor', ARGV[9])
  set('edits', number(held[8]) + tonumber(ARGV[10]))
  if ARGV[11] ~= '=' then
    set('transport', ARGV[11])
    set('played', ARGV[12])
  end
  rev = new_rev
end

local count = tonumber(ARGV[17])
local added = 0
if count > 0 then
  for first = 18, 16 + 2 * count, 2000 do
    added = added + redis.call('HSET', KEYS[2], unpack(ARGV, first, math.min(first + 1999, 17 + 2 * count)))
  end
  set('messages', number(held[9]) + added)
end
-- A receipt says that the stored code contains an edit: it comes with that code or not at all.
local forgotten = {}
if is_newer then
  local is_kept = {}
  for i = 18 + 2 * count, #ARGV, 2 do
    local name = 'receipt:' .. ARGV[i]
    if ARGV[i + 1] == '' then
      forgotten[#forgotten + 1] = name
    else
      set(name, ARGV[i + 1])
      is_kept[name] = true
    end
  end
  if ARGV[16] == '1' then
    for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
      if string.sub(name, 1, 8) == 'receipt:' and not is_kept[name] then forgotten[#forgotten + 1] = name end
    end
  end
end

local is_dirty = held[6] ~= false
if not is_dirty and (rev > math.max(flushed, put_aside) or added > 0) then
  is_dirty = true
  set('dirty', '1')
  local now = redis.call('TIME')
  local ms = math.floor(tonumber(now[1]) * 1000 + tonumber(now[2]) / 1000)
  redis.call('ZADD', KEYS[3], 'NX', string.format('%.0f', ms), ARGV[1])
  -- Dirty data never expires; only a clean session's hash is given a time, and its messages never are.
  redis.call('PERSIST', KEYS[1])
end
redis.call('HSET', KEYS[1], unpack(fields))
-- Not before: after a deletion a Redis that has no memory left would take the rest, or the deletion alone.
if #forgotten > 0 then redis.call('HDEL', KEYS[1], unpack(forgotten)) end
-- A copy of what Postgres has: it was away from here when Postgres stood in.
if not is_dirty then redis.call('EXPIRE', KEYS[1], ARGV[15]) end

local lease, dirty_sessions = 0, 0
if ARGV[14] == '1' then
  lease = math.max(0, redis.call('PTTL', KEYS[4]))
  dirty_sessions = redis.call('ZCARD', KEYS[3])
end
return {
  1, string.format('%.0f', flushed), is_dirty and 1 or 0, string.format('%.0f', last_commit), lease, dirty_sessions,
}
