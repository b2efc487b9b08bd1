/**
 * Lowers levels to what the provider had left when it saw the call that was admitted at \`since\`, plus our refill from then on,
 * minus what calls have drawn since that it did not know; and no higher than \`most\`. They are never raised.
 */
// @ts-nocheck

export const observe = `
local since, drawn_then = number(), pair()
for _, rate in ipairs(rates) do
  local level, most = number(), number()
  if level then
    if since then
      -- The hash may have been lost meanwhile, and counts from nothing then.
      local drawn_since = math.max(0, drawn[rate.unit] - drawn_then[rate.unit])
      level = level + refill(rate, math.max(0, now - since), 0) - drawn_since
    end
    if most then level = math.min(level, most) end
    rate.used = math.max(rate.used, rate.burst - level)
  end
end
if own_lease then put_lease(own_lease) end
save()
return answer()
`;
