package vmtest

import (
	"context"
	"strings"
	"testing"
)

// rules asks the box whether its kernel has the rules of the site, with the short cut that this kernel is
// built for.
func rules(ctx context.Context, t *testing.T, h *home) {
	const same = "The kernel has the rules that were loaded, and they are what the site says.\n"
	if got := h.admin.must(ctx, t, "gatehouse firewall diff"); got != same {
		t.Errorf("gatehouse firewall diff: %s", got)
	}
	text := h.admin.must(ctx, t, "gatehouse firewall show")
	for _, want := range []string{
		"flowtable shortcut {", `devices = { "eth1", "eth0" }`, "flow add @shortcut", "policy drop;",
		`tcp dport 22 counter name "rule_default.ssh" accept comment "default.ssh" # `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("gatehouse firewall show does not have %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, `comment "default.ssh" # 0 packets`) {
		t.Errorf("the ssh connection that asks was not counted:\n%s", text)
	}
	text = h.admin.must(ctx, t, "gatehouse firewall explain from "+h.laptopGot["ip"]+" to "+internet+" tcp 8080")
	if want := "ACCEPT by default.out: leaves by eth0 from 192.0.2.10:50000 to " + internet + ":8080\n"; !strings.HasSuffix(text, want) {
		t.Errorf("gatehouse firewall explain: %s, want %q at its end", text, want)
	}
}
