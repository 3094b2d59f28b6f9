-- Reads dirty sessions for a flush, oldest first, bounded by count and by bytes as the answer encodes them.
-- Changes nothing but the sweeper's lease, which it renews in the same command, or gives up when few sessions
-- are dirty.
--
-- KEYS[1] dirty set, KEYS[2] sweeper's lease,
-- followed, for each session that the caller names, by its hash and its messages hash
-- ARGV[1] key prefix, '' where the caller names the sessions
-- ARGV[2] token of the caller's lease or '', ARGV[3] its length (ms)
-- ARGV[4] number of dirty sessions below which the lease is given up; 0: it is renewed whatever their number
-- ARGV[5] most sessions, ARGV[6] most bytes (one session's fields, or one message, are read all the same)
-- ARGV[7] most bytes of one session's fields, or of one message: what is larger can't be read at all
-- ARGV[8] only what became dirty at or before this time (ms), or '' for now
-- ARGV[9] how many of the oldest to pass over
-- ARGV[10…] ids of the sessions that the caller names: reads these instead, whatever their age, leaving out
-- the clean ones
-- Returns {
--   now (ms),
--   'none' the caller has no lease | 'held' | 'given up' | 'lost' to another sweeper, and nothing was read,
--   1 if the bounds left out some of what was asked for,
--   { { id, dirty since (ms), { field, value, … } of the session, or {} when its code is dealt with already,
--       { message id, JSON, … }, 1 if some of its messages were left out,
--       { 'session' or 'messages', what is wrong with that key, … } for what can't be read }, … } }
--
-- A sweep finds its sessions here, so it can't name their keys: to ask for the ids first would be another
-- round trip a batch. It builds them from the prefix, as `keys.ts` does. On a Redis Cluster that needs a hash
-- tag in the prefix, such as `{bb}:`, which all the keys need anyway: they are used together.
local function number(value)
  local found = tonumber(string.match(value or '', '^%d+$') or '')
  return found and found < 2 ^ 53 and found or nil
end
-- With the comma. cjson escapes slashes too, which makes it no less than what the answer takes.
local function encoded_bytes(value) return #cjson.encode(value) + 1 end

local time = redis.call('TIME')
local now = math.floor(tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000)
local lease = 'none'
if ARGV[2] ~= '' then
  -- What isn't a lease is nobody's.
  local holder = redis.pcall('GET', KEYS[2])
  if type(holder) == 'string' and holder ~= 'open' and holder ~= ARGV[2] then return { now, 'lost', 0, {} } end
  redis.call('DEL', KEYS[2])
  if redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[4]) then
    lease = 'given up'
  else
    -- One that ran out during a slow batch, and that no other sweeper has taken, is taken again. A Redis that
    -- has no memory left may refuse it; the sweep goes on without, as two at once do no harm.
    redis.pcall('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
    lease = 'held'
  end
end

local ids, is_cut = {}, false
if #ARGV >= 10 then
  for i = 10, #ARGV do ids[#ids + 1] = ARGV[i] end
else
  local until_ms = ARGV[8] == '' and string.format('%.0f', now) or ARGV[8]
  -- One more than wanted says whether that is all.
  ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', until_ms, 'LIMIT', ARGV[9], tonumber(ARGV[5]) + 1)
  is_cut = #ids > tonumber(ARGV[5])
  if is_cut then table.remove(ids) end
end

local bytes, most_bytes, most_of_one = 0, tonumber(ARGV[6]), tonumber(ARGV[7])
local sessions = {}

-- The session's fields if its code is to be written, else {}; and their bytes.
local function read_fields(key, damage)
  local held = redis.pcall('HMGET', key, 'rev', 'flushed', 'put_aside', 'term', 'rewrite')
  if held.err then
    damage[#damage + 1] = 'session'
    damage[#damage + 1] = redis.call('TYPE', key).ok
    return {}, 0
  end
  -- Of a session in which only messages were sent there is no code, whatever is known of Postgres'. Only a
  -- mark on it is the caller's.
  local has_code = held[1] or redis.call('HEXISTS', key, 'code') == 1
  if not has_code then return held[5] and { 'rewrite', held[5] } or {}, 0 end
  local rev, dealt_with = number(held[1] or '0'), 0
  -- What is greater than the revision can't be right, or the revision isn't: no reason to skip the code.
  for i = 2, 3 do
    local done = number(held[i]) or 0
    if not rev or done <= rev then dealt_with = math.max(dealt_with, done) end
  end
  -- A flush that found Postgres ahead has put this very revision aside.
  local put_aside = number(held[3]) or 0
  local is_beyond = rev and put_aside ~= rev and math.max(number(held[2]) or 0, put_aside) > rev
  -- Code whose revision or term isn't a number is the caller's to put aside.
  local is_clean = rev and number(held[4] or '0') and not held[5] and not is_beyond and rev <= dealt_with
  -- Code that has lost its revision, too.
  if is_clean and held[1] then return {}, 0 end
  local fields, size = redis.call('HGETALL', key), 0
  for _, value in ipairs(fields) do size = size + encoded_bytes(value) end
  if size <= most_of_one then return fields, size end
  damage[#damage + 1] = 'session'
  damage[#damage + 1] = 'too large'
  return {}, 0
end

-- The messages that fit, and whether some were left out.
local function read_messages(key, isAlone, damage)
  local messages, is_partial, is_huge, cursor = {}, false, false, '0'
  repeat
    local page = redis.pcall('HSCAN', key, cursor, 'COUNT', 200)
    if page.err then
      damage[#damage + 1] = 'messages'
      damage[#damage + 1] = redis.call('TYPE', key).ok
      return {}, false
    end
    cursor = page[1]
    for i = 1, #page[2], 2 do
      local size = encoded_bytes(page[2][i]) + encoded_bytes(page[2][i + 1])
      if size > most_of_one then
        is_huge = true
      elseif bytes + size > most_bytes and not (isAlone and #messages == 0) then
        is_partial = true
      else
        messages[#messages + 1] = page[2][i]
        messages[#messages + 1] = page[2][i + 1]
        bytes = bytes + size
      end
    end
  until cursor == '0' or is_partial
  -- What can be read of them goes first.
  if is_huge and #messages == 0 and not is_partial then
    damage[#damage + 1] = 'messages'
    damage[#damage + 1] = 'too large'
  end
  return messages, is_partial
end

for i, id in ipairs(ids) do
  local since = tonumber(redis.call('ZSCORE', KEYS[1], id) or nil)
  -- Its hash says that it is dirty, and the set doesn't: a flush that names it finds it.
  if not since and #ARGV >= 10 and redis.pcall('HEXISTS', KEYS[1 + 2 * i], 'dirty') == 1 then since = now end
  if since then
    -- One that is no time is before all others.
    if since ~= since or since <= -2 ^ 53 or since >= 2 ^ 53 then since = 0 end
    local key = KEYS[1 + 2 * i] or ARGV[1] .. 's:' .. id
    local messages_key = KEYS[2 + 2 * i] or key .. ':m'
    local damage, isFirst = {}, #sessions == 0
    local fields, size = read_fields(key, damage)
    if not isFirst and bytes + size > most_bytes then
      is_cut = true
      break
    end
    bytes = bytes + size
    local messages, is_partial = read_messages(messages_key, isFirst and #fields == 0, damage)
    if not isFirst and is_partial and #fields == 0 and #messages == 0 then
      is_cut = true
      break
    end
    is_cut = is_cut or is_partial
    sessions[#sessions + 1] = {
      id, string.format('%.0f', since), fields, messages, is_partial and 1 or 0, damage,
    }
  end
end
return { now, lease, is_cut and 1 or 0, sessions }
