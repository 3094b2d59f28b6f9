-- Takes out of the buffer exactly what has been written to Postgres or put among the dead letters, session by
-- session. Whatever was committed since it was read stays, and stays dirty.
--
-- KEYS[1] dirty set, KEYS[2] dead letters, KEYS[3] counters, KEYS[4] sessions by their last activity (ms),
-- followed for each session by its hash and its messages hash
-- ARGV[1] seconds that a clean session stays readable, ARGV[2] number of dead letters d,
-- followed by d pairs (letter id, JSON), followed for each session by:
--   id, time it counts as dirty from if something is left (ms),
--   revision that Postgres shows now or '' when nothing is known of it,
--   revision that was put among the dead letters or '',
--   number of messages written, number n of messages to remove, n ids
-- Returns for each session { id, 1 if still dirty else 0, flushed revision, number of the last commit }
--
-- Its first write deletes: a Redis that has no memory left takes the others of a script only after such a
-- one.

-- What isn't a number counts as none: the flush has put such code among the dead letters.
local function number(value)
  local found = tonumber(string.match(value or '', '^%d+$') or '')
  return found and found < 2 ^ 53 and found or 0
end
local function text(value) return string.format('%.0f', value) end

local letters, at = {}, 3
local function take()
  local value = ARGV[at]
  at = at + 1
  return value
end

for i = 1, 2 * tonumber(ARGV[2]) do letters[i] = take() end

local now = redis.call('TIME')
local ms = text(math.floor(tonumber(now[1]) * 1000 + tonumber(now[2]) / 1000))
local replies, written = {}, 0
-- Commits leave these in the session's hash, as each command of theirs may be billed.
local counters = { commits = 0, edits = 0, messages = 0 }
while at <= #ARGV do
  local id = take()
  local key, messages_key = KEYS[5 + 2 * #replies], KEYS[6 + 2 * #replies]
  local since = take()
  local stored_rev, dead_rev = tonumber(take()), tonumber(take())
  local held = redis.call('HMGET', key,
    'rev', 'flushed', 'put_aside', 'last_commit', 'commits', 'edits', 'messages')
  local rev, flushed, put_aside = number(held[1]), number(held[2]), number(held[3])
  for i, name in ipairs({ 'commits', 'edits', 'messages' }) do
    counters[name] = counters[name] + number(held[4 + i])
  end
  written = written + tonumber(take())
  local count = tonumber(take())
  for first = at, at + count - 1, 1000 do
    redis.call('HDEL', messages_key, unpack(ARGV, first, math.min(first + 999, at + count - 1)))
  end
  at = at + count

  local progress = {}
  -- Another flush may have got further meanwhile.
  if stored_rev and stored_rev > flushed then
    flushed = stored_rev
    progress = { 'flushed', text(flushed) }
  end
  if dead_rev and dead_rev > put_aside then
    put_aside = dead_rev
    progress[#progress + 1] = 'put_aside'
    progress[#progress + 1] = text(put_aside)
  end
  local left = rev > math.max(flushed, put_aside) or redis.call('HLEN', messages_key) > 0
  if left then
    redis.call('HDEL', key, 'commits', 'edits', 'messages')
  else
    redis.call('HDEL', key, 'commits', 'edits', 'messages', 'dirty')
  end
  if #progress > 0 then redis.call('HSET', key, unpack(progress)) end
  if left then
    redis.call('ZADD', KEYS[1], 'XX', since, id)
  else
    redis.call('ZREM', KEYS[1], id)
    redis.call('EXPIRE', key, ARGV[1])
  end
  redis.call('ZADD', KEYS[4], 'XX', ms, id)
  replies[#replies + 1] = { id, left and 1 or 0, text(flushed), text(number(held[4])) }
end

for i = 1, #letters, 2 do redis.call('HSET', KEYS[2], letters[i], letters[i + 1]) end
local function count(name, by)
  if by > 0 then redis.call('HINCRBY', KEYS[3], name, text(by)) end
end
for name, by in pairs(counters) do count(name, by) end
count('flushes', 1)
count('flushed_sessions', #replies)
count('flushed_messages', written)
count('dead_lettered', #letters / 2)
return replies
