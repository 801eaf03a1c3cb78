/**
 * What the server does in one step. Redis does not roll scripts back, so all that can fail (fence, order, wrong type,
 * read-only replica, no memory) fails at or before the first write; the writes after it cannot.
 *
 * A task's checkpoint is a hash: owner, epoch, seq, digest, positions. It lies in the slot of its outputs.
 */

/**
 * Takes a task over: from here on every commit of its former owner is refused. The checkpoint is read in the same step,
 * so that nobody can move it between fence and read (I4).
 *
 * KEYS: the checkpoint. ARGV: the new owner.
 */
export const ACQUIRE = `#!lua
redis.call('HSET', KEYS[1], 'owner', ARGV[1])
return redis.call('HMGET', KEYS[1], 'seq', 'epoch')
`;

/**
 * One feed: its outputs and its checkpoint, or nothing.
 *
 * Ids are the feed's time and the next free number of that millisecond: they depend on the stream alone, so that a feed
 * that is run again gets the same ids. A stream that other tasks write to as well may be ahead: then its last time counts.
 *
 * KEYS: the checkpoint, the output streams. ARGV: owner, seq, epoch, digest, positions, time, names of the fields for
 * value and key; then per output `8 × stream + 2 × hasKey + hasValue`, and of key and value those that it has.
 */
export const COMMIT = `#!lua
local call = redis.call
local held = call('HMGET', KEYS[1], 'owner', 'seq')
if held[1] ~= ARGV[1] then
  return redis.error_reply('FENCED the owner is ' .. tostring(held[1] or 'nobody'))
end
if tonumber(held[2] or -1) ~= ARGV[2] - 1 then
  return redis.error_reply('ORDER the checkpoint is at feed ' .. tostring(held[2] or 'none'))
end

local ids = {}
for i = 2, #KEYS do
  local time = ARGV[6]
  if call('EXISTS', KEYS[i]) == 1 then
    local info = call('XINFO', 'STREAM', KEYS[i])
    for field = 1, #info, 2 do
      if info[field] == 'last-generated-id' then
        local last = string.match(info[field + 1], '^%d+')
        if #last > #time or (#last == #time and last > time) then time = last end
      end
    end
  end
  ids[i] = time .. '-*'
end

local value, key = ARGV[7], ARGV[8]
local at = 9
while at <= #ARGV do
  local code = tonumber(ARGV[at])
  local stream = math.floor(code / 8) + 2
  local has = code % 8
  if has == 1 then
    call('XADD', KEYS[stream], ids[stream], value, ARGV[at + 1])
    at = at + 2
  elseif has == 2 then
    call('XADD', KEYS[stream], ids[stream], key, ARGV[at + 1])
    at = at + 2
  else
    call('XADD', KEYS[stream], ids[stream], value, ARGV[at + 2], key, ARGV[at + 1])
    at = at + 3
  end
end

call('HSET', KEYS[1], 'seq', ARGV[2], 'epoch', ARGV[3], 'digest', ARGV[4], 'positions', ARGV[5])
return 'OK'
`;
