package site

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse-os/gatehouse/site/internal/check"
)

// TestKeyExamples reads a site that consists of the examples of all keys.
func TestKeyExamples(t *testing.T) {
	s := load(t, siteOfExamples(t, func(Key) bool { return true }))
	if s.WAN.VLAN != 10 || s.LANs[0].VLAN != 20 || len(s.Routes) != 1 || !s.Console.Locked {
		t.Errorf("the examples are not all there: %+v", s)
	}
}

// TestRequiredKeys leaves out one key at a time: it must be required exactly if
// the reference says so.
func TestRequiredKeys(t *testing.T) {
	for _, left := range Keys() {
		_, err := Load(siteOfExamples(t, func(k Key) bool { return k != left }))
		missing := err != nil && strings.Contains(err.Error(), "has no "+left.Name+"; expected a line such as")
		if missing != left.Required {
			t.Errorf("without %s: required %t, but Load says %v", left.Path(), left.Required, err)
		}
	}
}

func siteOfExamples(t *testing.T, include func(Key) bool) fstest.MapFS {
	t.Helper()
	fsys := defaultSite(t)
	var b strings.Builder
	table := ""
	for _, k := range Keys() {
		if k.Table != table {
			table = k.Table
			fmt.Fprintln(&b, table)
		}
		if k.Path() == "record.cname" { // which stands alone
			fmt.Fprintln(&b, "[[record]]\nname = \"alias\"")
		}
		example := k.Example
		switch k.Path() { // what a provider is told wants one that gives the address and the router
		case "wan.ipv4":
			example = `["dhcp", ` + example + "]"
		case "wan.ipv6":
			example = `"auto"`
		case "lan.ipv6":
			example = "[" + example + `, "ula"]`
		case "wan.gateway", "wan.gateway6":
			continue
		case "tunnel.routed": // those of LANs
			example = `"2001:db8:0:20::/60"`
		}
		if include(k) {
			fmt.Fprintf(&b, "%s = %s\n", k.Name, example)
		}
	}
	fsys["site.toml"] = &fstest.MapFile{Data: []byte(b.String())}
	fsys["hosts"] = &fstest.MapFile{Data: slices.Concat(fsys["hosts"].Data, []byte("192.168.32.13 db1\n"))}
	fsys["dyndns.sh"] = &fstest.MapFile{Data: []byte("#!/bin/sh\n")}
	fsys["tunnel.key"] = &fstest.MapFile{Data: []byte("Zm9vYmFyYmF6\n")}
	for _, name := range []string{"web1", "web2", "db1", "store"} {
		fsys["chap/"+name] = &fstest.MapFile{Data: []byte("the-secret-of-" + name + "\n")}
	}
	fsys["blocked.list"] = &fstest.MapFile{Data: []byte("198.51.100.0/24\n")}
	fsys["ethers"] = &fstest.MapFile{Data: slices.Concat(fsys["ethers"].Data, []byte("00:16:3e:20:00:13 db1\n"))}
	return fsys
}

// TestKeyDefaults: what the reference calls a default is what an absent key means.
func TestKeyDefaults(t *testing.T) {
	absent := load(t, defaultSite(t))
	fsys := defaultSite(t)
	text := string(fsys["site.toml"].Data)
	for _, k := range Keys() {
		if strings.HasPrefix(k.Default, `"`) && k.Table != "[[relayed]]" { // whose others are required
			if k.Table != "[[lan]]" {
				text += k.Table + "\n"
			}
			text += k.Name + " = " + k.Default + "\n"
		}
	}
	fsys["site.toml"] = &fstest.MapFile{Data: []byte(text)}
	stated := load(t, fsys)
	if !reflect.DeepEqual(absent, stated) {
		t.Errorf("absent: %+v\nstated: %+v", absent, stated)
	}
}

func TestReference(t *testing.T) {
	reference := Reference()
	documented := map[string]bool{}
	for line := range strings.Lines(reference) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		if cells := strings.Count(line, "|"); cells != 7 {
			t.Errorf("%d bars in %q, want 7", cells, line)
		}
		for _, k := range Keys() { // each has a place: a row of its own, or one that it shares
			if strings.HasPrefix(line, "| `"+k.Table+" ") && strings.Contains(line, k.Name+"`") || k.Table == "" && strings.HasPrefix(line, "| `"+k.Name+"`") {
				documented[k.Path()] = true
			}
		}
	}
	for _, k := range Keys() {
		if !documented[k.Path()] {
			t.Errorf("%s is not in the reference", k.Path())
		}
	}
	for _, v := range check.Variables() {
		if !strings.Contains(reference, "`{"+v.Name+"}`") {
			t.Errorf("variable {%s} is not in the reference", v.Name)
		}
	}
}
