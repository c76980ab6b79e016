package target_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-os/gatehouse/site"
	"github.com/gatehouse-os/gatehouse/site/dir"
	"github.com/gatehouse-os/gatehouse/site/target"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

const chap = `
[[host]]
names = ["web1"]
[host.netboot]
chap-user               = "{name}"
chap-secret-file        = "chap/{name}"
chap-mutual-user        = "store"
chap-mutual-secret-file = "chap/the store's"
`

// home is the directory of the reference site, with lines added to its site.toml or text changed there.
func home(t *testing.T, more, from, to string) string {
	t.Helper()
	at := t.TempDir()
	if err := os.CopyFS(at, os.DirFS("../../examples/home")); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(at, "site.toml")
	text, err := os.ReadFile(name)
	if err != nil || !strings.Contains(string(text), from) {
		t.Fatalf("site.toml has no %q: %v", from, err)
	}
	for name, text := range map[string]string{
		name: strings.Replace(string(text), from, to, 1) + more, at + "/chap/web1": "secret-of-web1\n", at + "/chap/the store's": "secret-of-store\n",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return at
}

func script(t *testing.T, at, name string, kind target.Kind) (string, error) {
	t.Helper()
	s, err := dir.Load(at)
	if err != nil {
		t.Fatal(err)
	}
	h, ok := s.Host(name)
	if !ok {
		t.Fatalf("no host %s", name)
	}
	return target.Script(s, h, kind)
}

// TestGolden: the scripts are those of testdata, with no secret in them.
func TestGolden(t *testing.T) {
	at := home(t, chap, "", "")
	for golden, kind := range map[string]target.Kind{"web1.tgt": target.TGT, "web1.lio": target.LIO, "web2.tgt": target.TGT} {
		name, _, _ := strings.Cut(golden, ".")
		got, err := script(t, at, name, kind)
		if err != nil {
			t.Fatal(err)
		}
		if golden = "testdata/" + golden + ".sh"; *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got); d != "" || strings.Contains(got, "secret-of") {
			t.Errorf("%s differs (go test -update writes it anew):\n%s", golden, d)
		}
	}
}

// TestRuns runs the scripts in the directory of the site, with programs that write down what they are told in
// place of those that make targets: that one is made, image/vmtest tests with tgtd.
func TestRuns(t *testing.T) {
	at, bin := home(t, chap, "", ""), t.TempDir()
	for _, name := range []string{"tgtadm", "targetcli"} {
		said := "#!/bin/sh\nif [ \"$4 $6\" = \"show target\" ]; then echo 'Target 7: iqn'; fi\nprintf '%s|' \"${0##*/}\" \"$@\" >>" + bin + "/said\necho >>" + bin + "/said\n"
		if err := os.WriteFile(filepath.Join(bin, name), []byte(said), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for kind, want := range map[target.Kind][]string{
		target.TGT: {
			"|--op|new|--mode|target|--tid|8|--targetname|iqn.2011-03.example.home:web1.root|",
			"|--tid|8|--lun|1|--backing-store|/srv/web 1|", "|--user|web1|--password|secret-of-web1|", "|--user|store|--password|secret-of-store|",
			"|--op|bind|--mode|account|--tid|8|--user|web1|\n", "|--tid|8|--user|store|--outgoing|",
		},
		target.LIO: {
			"targetcli|/backstores/fileio|create|web1|/srv/web 1|", "|set|auth|userid=web1|password=secret-of-web1|",
			"|set|auth|mutual_userid=store|mutual_password=secret-of-store|", "/tpg1/luns|create|/backstores/fileio/web1|lun=1|",
		},
	} {
		text, err := script(t, at, "web1", kind)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("sh", "-e", "-s", "--", "/srv/web 1")
		cmd.Dir, cmd.Stdin, cmd.Env = at, strings.NewReader(text), []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s in\n%s", err, out, text)
		}
		said, err := os.ReadFile(bin + "/said")
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(string(said), w) {
				t.Errorf("%s: %s is missing in\n%s", kind, w, said)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		host     string
		kind     target.Kind
		from, to string
		want     string
	}{
		{"printer", target.TGT, "", "", "printer does not boot from the network"},
		{"web1", target.TGT, "root-path =", "# root-path =", "web1 has no target: the site has no root-path"},
		{"web1", target.LIO, "initiator =", "# initiator =", "web1 has no initiator"},
		{"web1", target.TGT, "{server}:::1:", "{server}::::", "LUN 0, which the root path iscsi:192.168.32.10::::iqn"},
	} {
		if text, err := script(t, home(t, "", tt.from, tt.to), tt.host, tt.kind); err == nil || !strings.Contains(err.Error(), tt.want) || text != "" {
			t.Errorf("%s: %v, want %s; printed %q", tt.host, err, tt.want, text)
		}
	}
	if text, err := script(t, home(t, "", "{server}:::1:", "[2001:db8::10]:::7:"), "web1", target.TGT); err != nil || !strings.Contains(text, "--lun 7 ") {
		t.Errorf("IPv6: %v in\n%s", err, text)
	}
	var none site.Host
	if _, err := target.Script(&site.Site{}, none, target.LIO); err == nil {
		t.Error("no host has a target")
	}
}
