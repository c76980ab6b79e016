package site

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-os/gatehouse/site/internal/source"
)

var compareAddrs = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

func TestHostByName(t *testing.T) {
	s := load(t, addFiles(t, defaultSite(t), "testdata/good/large.txtar"))
	for name, want := range map[string]string{
		"store": "store", "FILES": "store", "files.lab.example": "store", "www.other.example": "b2",
		"mail.other.example": "mail.other.example", "store.other.example": "", "": "",
	} {
		if h, ok := s.Host(name); h.Name != want || ok != (want != "") {
			t.Errorf("Host(%q) is %q, %t; want %q", name, h.Name, ok, want)
		}
	}
}

// TestLineEnds writes the same site with the line ends of Windows.
func TestLineEnds(t *testing.T) {
	unix := addFiles(t, defaultSite(t), "testdata/good/c-library.txtar")
	dos := fstest.MapFS{}
	for name, f := range unix {
		dos[name] = &fstest.MapFile{Data: bytes.ReplaceAll(f.Data, []byte("\n"), []byte("\r\n"))}
	}
	if diff := cmp.Diff(load(t, unix), load(t, dos), compareAddrs); diff != "" {
		t.Errorf("(-unix +dos)\n%s", diff)
	}
}

// TestOrderOfLines: what a site means does not depend on the order of the lines in
// hosts and ethers, apart from lines that say something about the same host.
func TestOrderOfLines(t *testing.T) {
	fsys := defaultSite(t)
	want := load(t, fsys)
	random := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		for _, name := range []string{source.Hosts, source.Ethers} {
			lines := strings.SplitAfter(strings.TrimSuffix(string(fsys[name].Data), "\n"), "\n")
			lines[len(lines)-1] = strings.TrimSuffix(lines[len(lines)-1], "\n") + "\n"
			random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
			fsys[name] = &fstest.MapFile{Data: []byte(strings.Join(lines, ""))}
		}
		got := load(t, fsys)
		for i := range got.Hosts {
			got.Hosts[i].Places = want.Hosts[i].Places
		}
		if diff := cmp.Diff(want, got, compareAddrs); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
	}
}

func TestProblemsAreBounded(t *testing.T) {
	fsys := defaultSite(t)
	fsys["hosts"] = &fstest.MapFile{Data: []byte(strings.Repeat("192.168.32\n", 20000))}
	_, err := Load(fsys)
	problems, ok := err.(Problems)
	if !ok || len(problems) != 1000 {
		t.Fatalf("got %d problems of type %T, want %d", len(problems), err, 1000)
	}
	lines := strings.Split(err.Error(), "\n")
	if want := 3*100 + 1; len(lines) != want {
		t.Errorf("the text has %d lines, want %d", len(lines), want)
	}
	if last := lines[len(lines)-1]; last != "and 900 more" {
		t.Errorf("the last line is %q", last)
	}
}
