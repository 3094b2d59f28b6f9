-- Opens a session in a term: commits of earlier terms are refused from then on. Reads what the buffer holds.
--
-- KEYS[1] session hash, KEYS[2] messages hash, KEYS[3] sessions by their last activity (ms)
-- ARGV[1] session id, ARGV[2] the term, ARGV[3] seconds that a clean session stays readable
-- ARGV[4] most bytes of messages to return, as the answer encodes them
-- Returns { 0, the registered term } when that is as great, or no term: nothing has changed; else
--   { 1, { field, value, … } of the session, { JSON of a message, … },
--   1 if there are more messages than that, and none is returned }.
local registered = redis.pcall('HGET', KEYS[1], 'term')
if type(registered) == 'table' then return { 0, 'not a hash' } end
-- What isn't a number is the caller's to judge, too.
local known = tonumber(registered or '0')
if not known or known >= tonumber(ARGV[2]) then return { 0, registered } end
redis.call('HSET', KEYS[1], 'term', ARGV[2])
local now = redis.call('TIME')
local ms = math.floor(tonumber(now[1]) * 1000 + tonumber(now[2]) / 1000)
redis.pcall('ZADD', KEYS[3], string.format('%.0f', ms), ARGV[1])

local messages, ids, bytes, is_partial, cursor = {}, {}, 0, false, '0'
repeat
  local page = redis.pcall('HSCAN', KEYS[2], cursor, 'COUNT', 200)
  -- What isn't a hash is no message of a room's; the sweep sets it aside.
  if page.err then break end
  cursor = page[1]
  for i = 1, #page[2], 2 do
    -- A scan may name one twice.
    if not ids[page[2][i]] then
      ids[page[2][i]] = true
      bytes = bytes + #cjson.encode(page[2][i + 1]) + 1
      is_partial = is_partial or bytes > tonumber(ARGV[4])
      messages[#messages + 1] = page[2][i + 1]
    end
  end
until cursor == '0' or is_partial
if is_partial then messages = {} end
local fields = redis.call('HGETALL', KEYS[1])
local is_dirty = false
for i = 1, #fields, 2 do is_dirty = is_dirty or fields[i] == 'dirty' end
if not is_dirty then redis.call('EXPIRE', KEYS[1], ARGV[3]) end
return { 1, fields, messages, is_partial and 1 or 0 }
