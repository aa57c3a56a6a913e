#!/usr/bin/env bash
# Runs make targets one after the other, all of them, and ends with a table of what happened.
#
#   steps.sh TARGET[:TOOL,TOOL...]...
#
# A target whose TOOL is not installed is skipped, with the tool's name; with the environment variable CI set it fails
# instead. The exit code is 1 if any target failed. A target named setup that fails ends the run.
set -uo pipefail

names=() verdicts=() times=() failed=0

missing() { # tools: prints those that are not installed
	local tool
	for tool in "$@"; do command -v "$tool" >/dev/null || printf '%s ' "$tool"; done
}

summary() {
	local i
	printf '\n%s\n' "-- ${*} --"
	for i in "${!names[@]}"; do printf '%-16s %6ss  %s\n' "${names[i]}" "${times[i]}" "${verdicts[i]}"; done
	if ((failed)); then echo "FAILED: $failed of ${#names[@]}"; else echo "ok"; fi
}

for step in "$@"; do
	name=${step%%:*} tools=() begin=$SECONDS
	[[ $step != *:* ]] || IFS=, read -ra tools <<<"${step#*:}"
	printf '\n== %s\n' "$name"
	gone=$(missing ${tools[@]+"${tools[@]}"})
	if [[ -n $gone && -z ${CI:-} ]]; then
		verdict="skipped: not installed: $gone"
	elif [[ -n $gone ]]; then
		verdict="FAILED: not installed: $gone" failed=$((failed + 1))
	elif "${MAKE:-make}" "$name" </dev/null; then
		verdict=ok
	else
		verdict=FAILED failed=$((failed + 1))
	fi
	[[ $verdict == ok ]] || echo "$name: $verdict"
	names+=("$name") verdicts+=("$verdict") times+=($((SECONDS - begin)))
	if [[ $name == setup && $verdict == FAILED ]]; then break; fi
done
summary "${names[*]}"
((failed == 0))
