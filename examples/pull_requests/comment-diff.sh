#!/usr/bin/env bash
# Comments what a change of agreements does to payouts: comment-diff.sh BOOK BRANCH
#
# BOOK is the folder of the book in the checkout, BRANCH what the change goes into, such as origin/main.
# FAIL_OVER=0.5% lets the job fail where a total changes by more. TIERLEDGER is the command, if it has another name.
# Exit code: that of `tierledger diff`, 0 done, 1 over the limit (the comment is there), 2 the input is wrong (it is not).
set -euo pipefail
book=${1:?the folder of the book} branch=${2:?the branch that the change goes into, such as origin/main}
comment=$(mktemp)
trap 'rm -f "$comment"' EXIT

base=$(git -C "$book" merge-base "$branch" HEAD) # not the branch itself, which may have changed since
code=0
${TIERLEDGER:-tierledger} diff "$base" --book "$book" --format markdown --no-names ${FAIL_OVER:+--fail-over "$FAIL_OVER"} --out "$comment" || code=$?
[ "$code" -le 1 ] || exit "$code"

if [ -n "${GITHUB_ACTIONS:-}" ]; then # PULL_REQUEST: its number; GH_TOKEN: may write pull requests
  gh pr comment "$PULL_REQUEST" --body-file "$comment" --edit-last --create-if-none
elif [ -n "${GITLAB_CI:-}" ]; then # GITLAB_TOKEN: a project access token with the scope `api`
  notes="$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes"
  curl --fail --silent --show-error --output /dev/null --header "PRIVATE-TOKEN: $GITLAB_TOKEN" --data-urlencode "body@$comment" "$notes"
else
  cat "$comment"
fi
exit "$code"
