-- Reads dirty sessions for a flush, oldest first, bounded by count and bytes. Changes nothing but the
-- sweeper's lease, which it renews in the same command, or gives up when few sessions are dirty.
--
-- KEYS[1] dirty set, KEYS[2] sweeper's lease,
-- followed, for each session that the caller names, by its hash and its messages hash
-- ARGV[1] key prefix, '' where the caller names the sessions
-- ARGV[2] token of the caller's lease or '', ARGV[3] its length (ms)
-- ARGV[4] number of dirty sessions below which the lease is given up; 0: it is renewed whatever their number
-- ARGV[5] most sessions, ARGV[6] most bytes of sessions' fields and messages (one session or message is read
-- all the same)
-- ARGV[7] only what became dirty at or before this time (ms), or '' for now
-- ARGV[8] how many of the oldest to pass over
-- ARGV[9…] ids of the sessions that the caller names: reads these instead, whatever their age, leaving out
-- the clean ones
-- Returns {
--   now (ms),
--   'none' the caller has no lease | 'held' | 'given up' | 'lost' to another sweeper, and nothing was read,
--   1 if the bounds left out some of what was asked for,
--   { { id, dirty since (ms), { field, value, … } of the session, or {} when its code is dealt with already,
--       { message id, JSON, … }, 1 if some of its messages were left out }, … } }
--
-- A sweep finds its sessions here, so it can't name their keys: to ask for the ids first would be another
-- round trip a batch. It builds them from the prefix, as `keys.ts` does. On a Redis Cluster that needs a hash
-- tag in the prefix, such as `{bb}:`, which all the keys need anyway: they are used together.
local function number(value)
  local found = tonumber(string.match(value or '', '^%d+$') or '')
  return found and found < 2 ^ 53 and found or nil
end

local time = redis.call('TIME')
local now = math.floor(tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000)
local lease = 'none'
if ARGV[2] ~= '' then
  local holder = redis.call('GET', KEYS[2])
  if holder and holder ~= 'open' and holder ~= ARGV[2] then return { now, 'lost', 0, {} } end
  if redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[4]) then
    redis.call('DEL', KEYS[2])
    lease = 'given up'
  else
    -- One that ran out during a slow batch, and that no other sweeper has taken, is taken again. The deletion
    -- comes first: only after one does a Redis that has no memory left take the SET.
    redis.call('DEL', KEYS[2])
    redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
    lease = 'held'
  end
end

local ids, is_cut = {}, false
if #ARGV >= 9 then
  for i = 9, #ARGV do ids[#ids + 1] = ARGV[i] end
else
  local until_ms = ARGV[7] == '' and string.format('%.0f', now) or ARGV[7]
  -- One more than wanted says whether that is all.
  ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', until_ms, 'LIMIT', ARGV[8], tonumber(ARGV[5]) + 1)
  is_cut = #ids > tonumber(ARGV[5])
  if is_cut then table.remove(ids) end
end

local bytes, most_bytes = 0, tonumber(ARGV[6])
local sessions = {}
for i, id in ipairs(ids) do
  local since = redis.call('ZSCORE', KEYS[1], id)
  if since then
    if bytes >= most_bytes then
      is_cut = true
      break
    end
    local key = KEYS[1 + 2 * i] or ARGV[1] .. 's:' .. id
    local messages_key = KEYS[2 + 2 * i] or key .. ':m'
    local held = redis.call('HMGET', key, 'rev', 'flushed', 'put_aside')
    local rev, dealt_with = number(held[1] or '0'), math.max(number(held[2]) or 0, number(held[3]) or 0)
    -- Code whose revision isn't a number is the caller's to put aside.
    local write = not rev or rev > dealt_with
    local fields = write and redis.call('HGETALL', key) or {}
    for _, value in ipairs(fields) do bytes = bytes + #value end

    local messages, partial, cursor = {}, false, '0'
    repeat
      local page = redis.call('HSCAN', messages_key, cursor, 'COUNT', 200)
      cursor = page[1]
      for i = 1, #page[2], 2 do
        if bytes < most_bytes or (#messages == 0 and not write) then
          messages[#messages + 1] = page[2][i]
          messages[#messages + 1] = page[2][i + 1]
          bytes = bytes + #page[2][i + 1]
        else
          partial = true
        end
      end
      if bytes >= most_bytes and cursor ~= '0' then
        partial = true
        cursor = '0'
      end
    until cursor == '0'

    is_cut = is_cut or partial
    since = string.format('%.0f', tonumber(since))
    sessions[#sessions + 1] = { id, since, fields, messages, partial and 1 or 0 }
  end
end
return { now, lease, is_cut and 1 or 0, sessions }
