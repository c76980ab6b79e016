package plan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"golang.org/x/tools/txtar"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/site"
)

// TestDescribe changes a reference site, and has in the golden file what a person is told. A line of "edits"
// is a file, what stands there, and what takes its place, with | between them.
func TestDescribe(t *testing.T) {
	files, err := filepath.Glob("testdata/change/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("testdata: %d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name, _, _ := strings.Cut(strings.TrimSpace(string(archive.Comment)), ":")
			from := siteFiles(t, name)
			to := edited(t, from, archive)
			var got strings.Builder
			c := change(t, from, to)
			if err := c.Print(&got); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(got.String()) {
				if utf8.RuneCountInString(line) > 81 && strings.Count(strings.TrimSpace(line), " ") > 1 {
					t.Errorf("more than 80 columns: %s", line)
				}
			}
			compare(t, file, archive, got.String())
		})
	}
}

// siteFiles are the files of a reference site.
func siteFiles(t testing.TB, name string) fstest.MapFS {
	t.Helper()
	fsys := fstest.MapFS{}
	files, err := filepath.Glob("../../examples/" + name + "/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no site %q: %v", name, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fsys[filepath.Base(file)] = &fstest.MapFile{Data: data}
	}
	return fsys
}

func edited(t *testing.T, from fstest.MapFS, archive *txtar.Archive) fstest.MapFS {
	t.Helper()
	to := fstest.MapFS{}
	for name, f := range from {
		to[name] = &fstest.MapFile{Data: f.Data}
	}
	for _, part := range archive.Files {
		if part.Name != "edits" {
			continue
		}
		for line := range strings.Lines(string(part.Data)) {
			words := strings.Split(strings.ReplaceAll(strings.TrimSuffix(line, "\n"), `\n`, "\n"), "|")
			if len(words) != 3 || to[words[0]] == nil || !strings.Contains(string(to[words[0]].Data), words[1]) {
				t.Fatalf("edit %q has no place", line)
			}
			to[words[0]] = &fstest.MapFile{Data: []byte(strings.Replace(string(to[words[0]].Data), words[1], words[2], 1))}
		}
	}
	return to
}

// change loads both sites and describes what lies between them.
func change(t testing.TB, from, to fstest.MapFS) plan.Change {
	t.Helper()
	a, err := site.Load(from)
	if err != nil {
		t.Fatal(err)
	}
	b, err := site.Load(to)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Describe(a, b, plan.Make(a, plan.Learned{}), plan.Make(b, plan.Learned{}))
}

// TestNothingHidden leaves out each line of each file of a site, and puts another digit in place of its first
// and of its last: what differs for the box is shown to people, both ways.
func TestNothingHidden(t *testing.T) {
	differ := 0
	for _, base := range []fstest.MapFS{uncommented(t, "home"), siteFiles(t, "office")} {
		a, err := site.Load(base)
		if err != nil {
			t.Fatal(err)
		}
		was := plan.Make(a, plan.Learned{})
		for to, what := range mutations(base) {
			b, err := site.Load(to)
			if err != nil {
				continue
			}
			is := plan.Make(b, plan.Learned{})
			c, back := plan.Describe(a, b, was, is), plan.Describe(b, a, is, was)
			same := bytes.Equal(jsonOf(t, was), jsonOf(t, is))
			if c.Nothing != same || back.Nothing != same {
				t.Errorf("%s: nothing is %t, %t; the plans are the same: %t", what, c.Nothing, back.Nothing, same)
			}
			if !same && c.Firewall != plan.FirewallPlaces {
				differ++
				if len(c.Sections) == 0 || len(back.Sections) == 0 {
					t.Errorf("%s: the difference is not shown", what)
				}
			}
			printed(t, c)
			printed(t, back)
		}
	}
	if differ < 200 {
		t.Errorf("only %d plans differ", differ)
	}
}

func jsonOf(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// uncommented is a reference site with the keys that it shows in comments.
func uncommented(t *testing.T, name string) fstest.MapFS {
	t.Helper()
	fsys := siteFiles(t, name)
	text := regexp.MustCompile(`(?m)^# ([a-z0-9-]+ *= |"[a-z0-9.-]+" *= |\[)`).ReplaceAllString(string(fsys["site.toml"].Data), "$1")
	fsys["site.toml"] = &fstest.MapFile{Data: []byte(text)}
	if _, err := site.Load(fsys); err != nil {
		t.Fatal(err)
	}
	return fsys
}

// mutations are sites with a line less or with another digit in a line, and where.
func mutations(base fstest.MapFS) iter.Seq2[fstest.MapFS, string] {
	digit := regexp.MustCompile(`[0-9]`)
	return func(yield func(fstest.MapFS, string) bool) {
		for name, file := range base {
			lines := strings.SplitAfter(string(file.Data), "\n")
			for i, line := range lines {
				others := []string{""}
				if all := digit.FindAllStringIndex(line, -1); len(all) > 0 && line[0] != '#' {
					for _, at := range []int{all[0][0], all[len(all)-1][0]} {
						others = append(others, line[:at]+string('0'+(line[at]-'0'+1)%10)+line[at+1:])
					}
				}
				for _, other := range others {
					to := maps.Clone(base)
					text := strings.Join(lines[:i], "") + other + strings.Join(lines[i+1:], "")
					to[name] = &fstest.MapFile{Data: []byte(text)}
					if !yield(to, fmt.Sprintf("%s:%d: %q for %q", name, i+1, other, line)) {
						return
					}
				}
			}
		}
	}
}

// printed checks that what is printed has a bound, and that it can come by way of JSON.
func printed(t testing.TB, c plan.Change) string {
	t.Helper()
	var text, again strings.Builder
	if err := c.Print(&text); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back plan.Change
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back, c) {
		t.Errorf("by JSON: %v", err)
	}
	if err := back.Print(&again); err != nil || again.String() != text.String() {
		t.Errorf("by JSON it prints otherwise: %v", err)
	}
	for _, s := range c.Sections {
		if len(s.Removed)+len(s.Added)+len(s.Moved) > 40 {
			t.Errorf("%s: %d lines", s.Title, len(s.Removed)+len(s.Added)+len(s.Moved))
		}
	}
	if text.Len() > 200<<10 {
		t.Errorf("%d bytes are printed", text.Len())
	}
	return text.String()
}

// bigSite has 10,000 hosts in a network.
func bigSite(network string, group bool) fstest.MapFS {
	toml := "name = \"gate\"\ndomain = \"net.example\"\n[[lan]]\nname = \"lan\"\ninterface = \"eth0\"\nipv4 = \"" + network + ".0.1/16\"\n"
	if group {
		toml += "[firewall.group]\nall = [\"h*\"]\n"
	}
	var hosts, ethers strings.Builder
	for i := range 10000 {
		fmt.Fprintf(&hosts, "%s.%d.%d h%d\n", network, 2*(i/125)+1, 2*(i%125)+1, i)
		fmt.Fprintf(&ethers, "02:00:00:00:%02x:%02x h%d\n", i/256, i%256, i)
	}
	return fstest.MapFS{"site.toml": {Data: []byte(toml)}, "hosts": {Data: []byte(hosts.String())}, "ethers": {Data: []byte(ethers.String())},
		"authorized_keys": {Data: []byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIlwv7dGP+JpgUWtxZKOAwZIVvARyyOVY6mQbIEMUC8w one@net.example\n")}}
}

// TestDescribeBig: what is said of very much is little.
func TestDescribeBig(t *testing.T) {
	from, to := bigSite("10.1", true), bigSite("10.2", true)
	text := printed(t, change(t, from, to))
	for _, want := range []string{"\n10000 hosts\n", "… and 19,960 more\n", "Who talks to 10.1.0.1 (lan) must come to 10.2.0.1."} {
		if !strings.Contains(text, want) {
			t.Errorf("not in it: %q", want)
		}
	}
	if lines := strings.Count(text, "\n"); lines > 100 {
		t.Errorf("%d lines", lines)
	}
	to = bigSite("10.1", true)
	to["hosts"].Data = bytes.Replace(to["hosts"].Data, []byte("10.1.1.3 h1\n"), []byte("10.1.1.2 h1\n"), 1)
	text = printed(t, change(t, from, to))
	if !strings.Contains(text, "  - all  group  … 10.1.1.3 …\n  + all  group  … 10.1.1.2 …\n") {
		t.Errorf("got\n%.2000s", text)
	}
}

// Of two sites with 10,000 hosts, one differs, and all.
func BenchmarkDescribe(b *testing.B) {
	one := bigSite("10.1", false)
	one["hosts"].Data = bytes.Replace(one["hosts"].Data, []byte("10.1.1.3 h1\n"), []byte("10.1.1.2 h1\n"), 1)
	for name, to := range map[string]fstest.MapFS{"one": one, "all": bigSite("10.2", false)} {
		b.Run(name, func(b *testing.B) {
			from, err := site.Load(bigSite("10.1", false))
			if err != nil {
				b.Fatal(err)
			}
			to, err := site.Load(to)
			if err != nil {
				b.Fatal(err)
			}
			was, is := plan.Make(from, plan.Learned{}), plan.Make(to, plan.Learned{})
			for b.Loop() {
				plan.Describe(from, to, was, is)
			}
		})
	}
}
