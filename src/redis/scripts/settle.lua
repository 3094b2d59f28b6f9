-- Takes out of the buffer exactly what has been written to Postgres or put among the dead letters, session by session.
-- Whatever changed since it was read stays, and stays dirty.
--
-- KEYS[1] dirty set, KEYS[2] dead letters, KEYS[3] counters
-- ARGV[1] key prefix, ARGV[2] seconds that a clean session stays readable, ARGV[3] number of dead letters d,
-- followed by d pairs (letter id, JSON), followed for each session by:
--   id, time it counts as dirty from if something is left (ms),
--   revision that was dealt with or '', its epoch, revision that Postgres shows now or '' when it refused the code,
--   1 if that is of this very code,
--   number of messages written, number n of messages to remove, n pairs (message id, epoch it was read under, or '' for
--   what can't be read at all)
-- Returns for each session { id, 1 if still dirty else 0, flushed revision, number of the last commit }
local at = 4
local function take()
  local value = ARGV[at]
  at = at + 1
  return value
end

for _ = 1, tonumber(ARGV[3]) do
  local letter = take()
  redis.call('HSET', KEYS[2], letter, take())
end

local function is_newer(epoch, rev, than_epoch, than_rev)
  return epoch > than_epoch or (epoch == than_epoch and rev > than_rev)
end

local function epoch_of(message)
  local is_json, fields = pcall(cjson.decode, message)
  return is_json and type(fields) == 'table' and tonumber(fields.epoch) or 0
end

-- A later room may have taken a message over since it was read: its version is still to be written.
local function remove_messages(messages, ids, epochs)
  local held, gone = redis.call('HMGET', messages, unpack(ids)), {}
  for i, id in ipairs(ids) do
    if epochs[i] == '' or not held[i] or epoch_of(held[i]) <= tonumber(epochs[i]) then gone[#gone + 1] = id end
  end
  if #gone > 0 then redis.call('HDEL', messages, unpack(gone)) end
end

local replies, edits, written = {}, 0, 0
while at <= #ARGV do
  local id = take()
  local key = ARGV[1] .. 's:' .. id
  local since = take()
  local done_rev, done_epoch, stored_rev = tonumber(take()), tonumber(take()), tonumber(take())
  local is_held = take() == '1'
  if done_rev then
    local held = redis.call('HMGET', key, 'rev', 'code_epoch', 'flushed', 'settled', 'settled_epoch')
    local rev, epoch, flushed = tonumber(held[1] or ''), tonumber(held[2] or ''), tonumber(held[3] or '') or 0
    if stored_rev and stored_rev > flushed then
      edits = edits + stored_rev - flushed
      flushed = stored_rev
      redis.call('HSET', key, 'flushed', string.format('%.0f', flushed))
    end
    -- Another flush may have got further meanwhile.
    if is_newer(done_epoch, done_rev, tonumber(held[5] or '') or epoch or 0, tonumber(held[4] or '') or 0) then
      redis.call('HSET', key, 'settled', string.format('%.0f', done_rev), 'settled_epoch', string.format('%.0f', done_epoch))
    end
    if stored_rev and not is_held and rev == done_rev and epoch == done_epoch then
      -- Postgres has something newer than the copy here: readers have to look there. The epoch stays: the receipts are of its edits.
      redis.call('HDEL', key, 'code', 'rev', 'edited_at', 'editor')
    end
  end
  written = written + tonumber(take())
  local count = tonumber(take())
  for first = 1, count, 1000 do
    local ids, epochs = {}, {}
    for _ = first, math.min(first + 999, count) do
      ids[#ids + 1] = take()
      epochs[#epochs + 1] = take()
    end
    remove_messages(key .. ':m', ids, epochs)
  end

  local held = redis.call('HMGET', key, 'rev', 'code_epoch', 'settled', 'settled_epoch', 'flushed', 'last_commit')
  local rev, epoch = tonumber(held[1] or ''), tonumber(held[2] or '') or 0
  local left = (rev and is_newer(epoch, rev, tonumber(held[4] or '') or epoch, tonumber(held[3] or '') or 0))
    or redis.call('HLEN', key .. ':m') > 0
  if left then
    redis.call('ZADD', KEYS[1], 'XX', since, id)
  else
    redis.call('ZREM', KEYS[1], id)
    redis.call('EXPIRE', key, ARGV[2])
  end
  replies[#replies + 1] = { id, left and 1 or 0, held[5] or '0', held[6] or '0' }
end

redis.call('HINCRBY', KEYS[3], 'flushes', 1)
redis.call('HINCRBY', KEYS[3], 'flushed_sessions', #replies)
redis.call('HINCRBY', KEYS[3], 'flushed_edits', string.format('%.0f', edits))
redis.call('HINCRBY', KEYS[3], 'flushed_messages', string.format('%.0f', written))
if tonumber(ARGV[3]) > 0 then redis.call('HINCRBY', KEYS[3], 'dead_lettered', ARGV[3]) end
return replies
