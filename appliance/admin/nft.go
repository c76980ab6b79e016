package admin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/firewall/nfttext"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// NFTList is what `nft list WORD...` shows of the rules that are loaded, as nft(8) has it: what it asks for
// is a table, one declaration of a table, or all of a kind.
func NFTList(env Env, words []string) (string, error) {
	a, err := parseNFTQuery(words)
	if err != nil {
		return "", err
	}
	tables, err := loadedTables(env)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	found := false
	for _, t := range tables {
		title := nfttext.Title(t.Table)
		if !a.table(title) {
			continue
		}
		if a.kind == "tables" {
			fmt.Fprintln(&out, "table", title)
			continue
		}
		text := nfttext.RenderOnly(t.Table, t.counts, func(title string) bool {
			has := a.declaration(title)
			found = found || has
			return has
		})
		out.WriteString(text)
	}
	if a.name != "" && !found || a.named && out.Len() == 0 {
		return "", fmt.Errorf("%s: there is none", printable.String(strings.Join(words, " ")))
	}
	return out.String(), nil
}

// An nftQuery is what somebody asks for.
type nftQuery struct {
	kind   string // "ruleset", "tables", "table", or a kind of declaration: "chain", "ct helper"
	family string // "": any
	in     string // the name of its table
	name   string // of the declaration; "": all of the kind
	named  bool   // a table of that name there must be
}

// declarations are the kinds that a table has.
func declarations() []string {
	return []string{"chain", "set", "map", "counter", "flowtable", "ct helper"}
}

func parseNFTQuery(words []string) (a nftQuery, err error) {
	if len(words) > 1 && words[0] == "ct" {
		words = append([]string{"ct " + words[1]}, words[2:]...)
	}
	wrong := fmt.Errorf("%s: expected ruleset, tables, table FAMILY NAME, chain FAMILY TABLE NAME, or chains",
		printable.String(strings.Join(words, " ")))
	if len(words) == 0 {
		return a, wrong
	}
	a.kind, words = words[0], words[1:]
	one := strings.TrimSuffix(a.kind, "s")
	isOne := slices.Contains(declarations(), a.kind)
	switch {
	case isOne || a.kind == "table":
		if len(words) > 0 && slices.Contains([]string{"ip", "ip6", "inet", "arp", "bridge", "netdev"},
			words[0]) {
			a.family, words = words[0], words[1:]
		} else {
			a.family = "ip" // nft's own
		}
		want := 1
		if isOne {
			want = 2
		}
		if len(words) != want {
			return a, wrong
		}
		a.in, a.named = words[0], true
		if isOne {
			a.name = words[1]
		}
	case a.kind == "ruleset" || a.kind == "tables" || slices.Contains(declarations(), one):
		if len(words) > 1 {
			return a, wrong
		}
		if len(words) == 1 {
			a.family = words[0]
		}
		if a.kind != "ruleset" && a.kind != "tables" {
			a.kind = one
		}
	default:
		return a, wrong
	}
	return a, nil
}

func (a nftQuery) table(title string) bool {
	family, name, _ := strings.Cut(title, " ")
	return (a.family == "" || a.family == family) && (a.in == "" || a.in == name)
}

// declaration reports whether one of that title is asked for.
func (a nftQuery) declaration(title string) bool {
	if a.kind == "ruleset" || a.kind == "table" {
		return true
	}
	name, ok := strings.CutPrefix(title, a.kind+" ")
	return ok && (a.name == "" || a.name == name)
}
