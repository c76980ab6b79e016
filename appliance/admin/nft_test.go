package admin_test

import (
	"io"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
)

// TestNFTList: what is asked for of the rules, and no more, as nft has it.
func TestNFTList(t *testing.T) {
	env := newGate(t, nil).env(io.Discard, io.Discard)
	ruleset, err := admin.NFTList(env, []string{"ruleset"})
	if err != nil || !strings.HasPrefix(ruleset, "table inet gatehouse {\n") || !strings.Contains(ruleset, "\ntable arp gatehouse {\n") {
		t.Fatalf("%v\n%s", err, ruleset)
	}
	for _, tt := range []struct{ words, has, hasNot, err string }{
		{words: "tables", has: "table inet gatehouse\ntable arp gatehouse\n", hasNot: "{"},
		{words: "tables arp", has: "table arp gatehouse\n", hasNot: "inet"},
		{words: "tables ip", hasNot: "table"},
		{words: "table inet gatehouse", has: "\tchain input {\n", hasNot: "table arp"},
		{words: "table gatehouse", err: "table gatehouse: there is none"},
		{words: "table inet other", err: "table inet other: there is none"},
		{words: "chain inet gatehouse input", has: "\tchain input {\n\t\ttype filter hook input", hasNot: "\tset "},
		{words: "chain inet gatehouse nosuch", err: "chain inet gatehouse nosuch: there is none"},
		{words: "set inet gatehouse banned4", has: "elements = { 198.51.100.66 }", hasNot: "chain"},
		{words: "counter inet gatehouse refused", has: "\tcounter refused { packets 3 bytes 180; }\n}\n", hasNot: "banned"},
		{words: "sets inet", has: "\tset banned6 {\n", hasNot: "counter refused"},
		{words: "", err: "expected ruleset, tables, table FAMILY NAME"},
		{words: "rulesets", err: "expected ruleset, tables"},
		{words: "chain inet input", err: "expected ruleset, tables"},
		{words: "table inet \x1b[31m", err: "there is none"},
	} {
		got, err := admin.NFTList(env, strings.Fields(tt.words))
		switch {
		case tt.err != "":
			if err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("%q: %v, expected %s", tt.words, err, tt.err)
			}
		case err != nil || !strings.Contains(got, tt.has) || tt.hasNot != "" && strings.Contains(got, tt.hasNot):
			t.Errorf("%q: %v\n%s", tt.words, err, got)
		}
	}
}
