-- Takes out of the buffer exactly what has been written to Postgres, session by session, and puts what
-- Postgres refuses among the dead letters. Whatever was committed since it was read stays, and stays dirty;
-- so does what the dead letters have no room for.
--
-- KEYS[1] dirty set, KEYS[2] dead letters, KEYS[3] their sizes: 'total', and by session, KEYS[4] counters,
-- KEYS[5] sessions by their last activity (ms), followed for each session by its hash and its messages hash
-- ARGV[1] seconds that a clean session stays readable
-- ARGV[2] most bytes of dead letters in all, ARGV[3] of one session
-- ARGV[4] after which time what they have no room for is tried again (ms),
-- followed for each session by:
--   id, time it counts as dirty from if something is left (ms), or 'later' for the time of another try,
--   revision that Postgres shows now or '' when nothing is known of it,
--   mark under which it was written again or '' (see redirty.lua),
--   number of messages written, n of them, n times: id, position that was written,
--   number of dead letters d, and d times: id of the letter, its JSON, and what it stands in the stead of:
--     'm' and a message's id | 'c' and the code's revision |
--     's' and the last commit of a hash that is damaged
-- Returns for each session
--   { id, 1 if still dirty else 0, flushed revision, number of the last commit, letters without room }
--
-- Deletions come first: a Redis that has no memory left takes these, and refuses what adds to it. What isn't
-- needed for what the caller is told may be refused, hence the pcalls.

-- What isn't a number counts as none: the flush puts such code among the dead letters.
local function number(value)
  local found = tonumber(string.match(value or '', '^%d+$') or '')
  return found and found < 2 ^ 53 and found or 0
end
local function text(value) return string.format('%.0f', value) end
local function is_error(reply) return type(reply) == 'table' and reply.err ~= nil end

-- Whether a message is as it was written, by its JSON: a room that a client sent it to again may have placed
-- it anew since it was read.
local function is_at(json, position)
  if string.find(json, '"position":' .. position .. '[,}]') then return true end
  local is_readable, message = pcall(cjson.decode, json)
  local is_message = is_readable and type(message) == 'table' and type(message.position) == 'number'
  return not is_message or text(message.position) == position
end

local at = 5
local function take()
  local value = ARGV[at]
  at = at + 1
  return value
end

local now = redis.call('TIME')
local now_ms = math.floor(tonumber(now[1]) * 1000 + tonumber(now[2]) / 1000)

-- The written messages of all sessions go before anything else.
local sessions, written = {}, 0
while at <= #ARGV do
  local one = {
    id = take(), since = take(), stored_rev = tonumber(take()), mark = take(), letters = {},
    key = KEYS[6 + 2 * #sessions], messages_key = KEYS[7 + 2 * #sessions],
  }
  local left = tonumber(take())
  written = written + left
  while left > 0 do
    local ids, positions, gone = {}, {}, {}
    for i = 1, math.min(left, 1000) do
      ids[i], positions[i] = take(), take()
    end
    left = left - #ids
    local held = redis.pcall('HMGET', one.messages_key, unpack(ids))
    for i, id in ipairs(ids) do
      if is_error(held) or (held[i] and is_at(held[i], positions[i])) then gone[#gone + 1] = id end
    end
    if #gone > 0 then redis.pcall('HDEL', one.messages_key, unpack(gone)) end
  end
  for i = 1, tonumber(take()) do
    one.letters[i] = { id = take(), json = take(), kind = take(), source = take() }
  end
  sessions[#sessions + 1] = one
end

-- Puts a letter where it belongs; false when there is no room for it.
local function deliver(session_id, letter)
  local old = redis.pcall('HSTRLEN', KEYS[2], letter.id)
  local sizes = redis.pcall('HMGET', KEYS[3], 'total', session_id)
  if is_error(old) or is_error(sizes) then return false end
  local more = #letter.json - old
  if number(sizes[1]) + more > tonumber(ARGV[2]) then return false end
  if number(sizes[2]) + more > tonumber(ARGV[3]) then return false end
  if is_error(redis.pcall('HSET', KEYS[2], letter.id, letter.json)) then return false end
  redis.pcall('HINCRBY', KEYS[3], 'total', more)
  redis.pcall('HINCRBY', KEYS[3], session_id, more)
  return true
end

local replies, delivered, undelivered = {}, 0, 0
-- Commits leave these in the session's hash, as each command of theirs may be billed.
local counters = { commits = 0, edits = 0, messages = 0 }
for _, one in ipairs(sessions) do
  local held = redis.pcall('HMGET', one.key,
    'rev', 'flushed', 'put_aside', 'last_commit', 'commits', 'edits', 'messages', 'rewrite')
  -- A hash that isn't one is set aside after this.
  local is_damaged = is_error(held)
  if is_damaged then held = {} end
  local rev, flushed, put_aside = number(held[1]), number(held[2]), number(held[3])
  local progress = {}
  local function mend(name, value)
    progress[#progress + 1] = name
    progress[#progress + 1] = text(value)
  end
  -- What is greater than the revision can't be right, or the revision isn't: then Postgres' word counts.
  -- Without code in the buffer it is what is known of Postgres'.
  if held[1] and flushed > rev then
    flushed = 0
    mend('flushed', one.stored_rev or 0)
  end
  if put_aside > rev then
    put_aside = 0
    mend('put_aside', 0)
  end
  for i, name in ipairs({ 'commits', 'edits', 'messages' }) do
    counters[name] = counters[name] + number(held[4 + i])
  end

  local without_room, is_gone = 0, false
  local is_marked = held[8] and held[8] ~= one.mark
  for _, letter in ipairs(one.letters) do
    -- One that has changed since it was read is looked at again.
    local is_same = letter.kind ~= 's' or (held[4] or '') == letter.source
    if not is_same then
      is_marked = true
    elseif not deliver(one.id, letter) then
      without_room = without_room + 1
    else
      delivered = delivered + 1
      if letter.kind == 'm' then redis.call('HDEL', one.messages_key, letter.source) end
      if letter.kind == 'c' then
        put_aside = math.max(put_aside, number(letter.source))
        mend('put_aside', put_aside)
      end
      if letter.kind == 's' then is_gone = true end
    end
  end
  undelivered = undelivered + without_room
  -- Another flush may have got further meanwhile.
  if one.stored_rev and one.stored_rev > flushed then
    flushed = one.stored_rev
    mend('flushed', flushed)
  end
  -- Postgres has a later one, of a time when it stood in: the code here is dealt with.
  if held[1] and one.stored_rev and one.stored_rev > rev then
    put_aside = rev
    mend('put_aside', put_aside)
  end
  if is_gone then
    redis.call('DEL', one.key)
    -- With it went what the rooms committed, which they are told by its last commit.
    rev, held[4] = 0, nil
  end
  local count = redis.pcall('HLEN', one.messages_key)
  local left = is_damaged or is_marked or is_error(count) or count > 0 or without_room > 0
    or rev > math.max(flushed, put_aside)
  if not is_damaged and not is_gone then
    local done = { 'commits', 'edits', 'messages' }
    if not left then done[#done + 1] = 'dirty' end
    if held[8] and not is_marked and without_room == 0 then done[#done + 1] = 'rewrite' end
    redis.call('HDEL', one.key, unpack(done))
    if #progress > 0 then redis.pcall('HSET', one.key, unpack(progress)) end
  end
  if not left then
    redis.call('ZREM', KEYS[1], one.id)
    redis.call('EXPIRE', one.key, ARGV[1])
  elseif without_room > 0 or one.since == 'later' then
    -- Later than the others, which would wait for it otherwise.
    redis.pcall('ZADD', KEYS[1], 'XX', text(now_ms + tonumber(ARGV[4])), one.id)
  else
    redis.pcall('ZADD', KEYS[1], 'XX', one.since, one.id)
  end
  redis.pcall('ZADD', KEYS[5], 'XX', text(now_ms), one.id)
  replies[#replies + 1] = { one.id, left and 1 or 0, text(flushed), text(number(held[4])), without_room }
end

local function count(name, by)
  if by > 0 then redis.pcall('HINCRBY', KEYS[4], name, text(by)) end
end
for name, by in pairs(counters) do count(name, by) end
count('flushes', 1)
count('flushed_sessions', #replies)
count('flushed_messages', written)
count('dead_lettered', delivered)
count('dead_letters_refused', undelivered)
return replies
