"""The Lua scripts that write: each changes the keys of one bucket, all or none.

If the memory is full or the server is a replica, Redis rejects a script that starts with #!lua before its first write.
Source: https://redis.io/docs/latest/develop/programmability/lua-api/#script_flags.
Redis does not undo the writes of a script that fails in another way, and a retry would not count them again. So each
step that fails on a foreign value runs before the first write, or ignores the error.
"""

import hashlib
from typing import NamedTuple


class Script(NamedTuple):
    """A script and its SHA-1, by which EVALSHA runs it."""

    text: str
    sha: str


def _script(text: str) -> Script:
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


_COUNT = """
local steps = {done = {}, dead = {}}
local function count(group, field, step)
  if group == '' then return end
  steps[field][group] = (steps[field][group] or 0) + step
end
local function is_wrong_type(answer)
  if type(answer) ~= 'table' or not answer.err then return false end
  if not string.find(answer.err, 'WRONGTYPE', 1, true) then error(answer) end
  return true
end
local countable = {}
local function can_count(key)
  if countable[key] == nil then
    countable[key] = true
    for field in pairs(steps) do
      local value = redis.pcall('HGET', key, field)
      if is_wrong_type(value) or (value and not string.find(value, '^%-?%d+$')) then countable[key] = false end
    end
  end
  return countable[key]
end
local function require_counts(key)
  if not can_count(key) then
    error(redis.error_reply('WRONGTYPE expected group counts at the key ' .. key .. ', remove it'))
  end
end
local function write_counts(prefix, ttl_s)
  for field, groups in pairs(steps) do
    for group, step in pairs(groups) do
      local key = prefix .. group
      local left = tonumber(redis.call('HGET', key, field) or 0)
      step = math.max(step, -left)
      if step ~= 0 then
        redis.call('HINCRBY', key, field, step)
        redis.call('EXPIRE', key, ttl_s)
      end
    end
  end
end
"""

PUT = _script(f"""#!lua
{_COUNT}
local group_prefix, ttl_s, feed_length = ARGV[1], ARGV[2], ARGV[3]
for job = 1, (#KEYS - 1) / 2 do require_counts(group_prefix .. ARGV[3 * job + 2]) end
local function announce(position, prediction)
  local added = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', feed_length, position, 'prediction', prediction)
  if type(added) == 'table' and added.err then  -- the newest entry is ahead of the writer's clock
    added = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', feed_length, '*', 'prediction', prediction)
    if is_wrong_type(added) then
      error(redis.error_reply('WRONGTYPE expected the feed at the key ' .. KEYS[1] .. ', remove it'))
    end
  end
end
local function group_of(note)
  local read, fields = pcall(cjson.decode, note)
  local group = read and type(fields) == 'table' and fields['group']
  return type(group) == 'string' and group
end
for job = 1, (#KEYS - 1) / 2 do
  local key, note_key = KEYS[2 * job], KEYS[2 * job + 1]
  local prediction, group, position = ARGV[3 * job + 1], ARGV[3 * job + 2], ARGV[3 * job + 3]
  local first = redis.call('EXISTS', key) == 0
  if first then announce(position, prediction) end
  redis.call('SET', key, prediction, 'EX', ttl_s)
  if first then
    local note = redis.pcall('GETDEL', note_key)
    local noted = note and not is_wrong_type(note) and group_of(note)
    if noted and can_count(group_prefix .. noted) then count(noted, 'dead', -1) end
    count(group, 'done', 1)
  end
end
write_counts(group_prefix, ttl_s)
""")
"""KEYS: feed, then prediction key and note key of each job. ARGV: prefix of group keys, ttl_s, feed length, then
prediction, group and feed position of each job."""

PUT_DEAD = _script(f"""#!lua
{_COUNT}
local group_prefix, ttl_s = ARGV[1], ARGV[2]
for job = 1, #KEYS / 2 do require_counts(group_prefix .. ARGV[2 * job + 2]) end
for job = 1, #KEYS / 2 do
  local key, note_key = KEYS[2 * job - 1], KEYS[2 * job]
  if redis.call('EXISTS', key) == 0 then
    local first = redis.call('EXISTS', note_key) == 0
    redis.call('SET', note_key, ARGV[2 * job + 1], 'EX', ttl_s)
    if first then count(ARGV[2 * job + 2], 'dead', 1) end
  end
end
write_counts(group_prefix, ttl_s)
""")
"""KEYS: prediction key and note key of each job. ARGV: prefix of group keys, ttl_s, then note and group of each job."""

SCRIPTS = (PUT, PUT_DEAD)
