package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// A workstation is the administrator's: the LAN's host, with the site in a directory and the push command.
type workstation struct {
	*wiring
	site, push string
}

// newWorkstation starts a box, and has its site on the workstation.
func newWorkstation(t *testing.T) *workstation {
	w := &workstation{wiring: newWiring(t), push: filepath.Join(t.TempDir(), "push")}
	w.plugLAN()
	w.plugWAN()
	w.start()
	w.lan.AddAddr("eth0", "192.168.32.9/24")
	if out, err := exec.Command("go", "build", "-o", w.push, "../push").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	w.site = filepath.Join(w.dir, "site")
	if err := os.CopyFS(w.site, os.DirFS("../../../examples/home")); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(w.dir + "/key.pub")
	if err != nil {
		t.Fatal(err)
	}
	w.write("authorized_keys", string(key))
	return w
}

func (w *workstation) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.site, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// change puts one text in the place of another in a file of the site.
func (w *workstation) change(name, from, to string) {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.site, name))
	if err != nil || !strings.Contains(string(text), from) {
		w.t.Fatalf("%s has no %q: %v", name, from, err)
	}
	w.write(name, strings.ReplaceAll(string(text), from, to))
}

// pushes runs make push, but for make.
func (w *workstation) pushes(args ...string) (string, error) {
	ssh := "ssh -F none -i " + w.dir + "/key -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
	return w.lan.Try(w.push, append([]string{"-host", "192.168.32.1", "-site", w.site, "-ssh", ssh}, args...)...)
}

// runs compares the number of the site that runs, and says whether it is on trial.
func (w *workstation) runs(when string, number int, trial bool) {
	w.t.Helper()
	var st admin.Status
	if err := json.Unmarshal([]byte(w.gatehouse("status", "--json")), &st); err != nil {
		w.t.Fatal(err)
	}
	if s := st.Box.Site; s.Number != number || (s.Trial != nil) != trial {
		w.t.Errorf("%s: site %+v runs, want %d", when, s, number)
	}
}

// warned: what a site says and hardly means is shown by the box, and not even sent if that is wanted.
func (w *workstation) warned() {
	hosts, ethers := read(w.t, w.site+"/hosts"), read(w.t, w.site+"/ethers")
	w.write("hosts", hosts+"192.168.32.51 scanner\n")
	w.write("ethers", ethers+"00:00:5e:00:53:23 scaner\n")
	out, err := w.pushes("-dry-run")
	if err != nil {
		w.t.Errorf("warned of: %v\n%s", err, out)
	}
	saysAll(w.t, "warned of", out, "+", `warning: "scaner" is not in hosts`, "1 warning")
	if out, err = w.pushes("-dry-run", "-strict"); err == nil {
		w.t.Errorf("it is taken, in spite of -strict:\n%s", out)
	}
	saysAll(w.t, "strictly", out, `"scaner" is not in hosts`, "1 error")
	w.write("hosts", hosts)
	w.write("ethers", ethers)
}

func saysAll(t *testing.T, what, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%s: %q is missing in\n%s", what, w, text)
		}
	}
}

// TestPush: a host is one line in two files and one command.
func TestPush(t *testing.T) {
	w := newWorkstation(t)
	w.write("ethers", read(t, w.site+"/ethers")+"00:00:5e:00:53:22 tablet\n")
	w.write("hosts", read(t, w.site+"/hosts")+"192.168.32.50 laptop\n")
	out, err := w.pushes("-dry-run")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	saysAll(t, "dry run", out, "+", "192.168.32.50", "tablet", "dhcp")
	w.runs("dry run", 0, false)
	w.warned()

	out, err = w.pushes("-m", "a tablet; 'rm' $HOME")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	saysAll(t, "push", out, "Site 1 is on trial for 1m.", "Applied in ", "Site 1 is kept.")
	w.runs("push", 1, false)
	udhcpc := testnet.Need(t, "udhcpc", "udhcpc")
	w.lan.Run(udhcpc, "-f", "-q", "-n", "-i", "eth0", "-T1", "-A1", "-t30", "-s", w.dir+"/script")
	if address := strings.TrimSpace(read(t, w.dir+"/address")); address != "192.168.32.50" {
		t.Errorf("the host has the address %s", address)
	}
	saysAll(t, "history", w.gatehouse("history"), "a tablet; 'rm' $HOME", "admin", "192.168.32.9", "running", "image")
	saysAll(t, "diff", w.gatehouse("diff", "image"), "tablet")
	saysAll(t, "hosts", w.gatehouse("host", "tablet"), "00:00:5e:00:53:22")
	if out, err = w.pushes(); err != nil || !strings.Contains(out, "The box is this site already.") {
		t.Errorf("pushed twice: %v\n%s", err, out)
	}

	w.change("hosts", "192.168.32.50 laptop", "192.168.99.50 laptop")
	if out, err = w.pushes(); err == nil || !strings.Contains(out, "hosts:") {
		t.Errorf("a bad site: %v\n%s", err, out)
	}
	saysAll(t, "rollback", w.gatehouse("rollback", "image"), "tablet", "gatehouse confirm 2")
	saysAll(t, "confirm", w.gatehouse("confirm", "2"), "Site 2 is kept.")
	saysAll(t, "diff", w.gatehouse("diff", "image"), "They are the same.")
	w.unbroken()
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPushThatCutsOff: what cuts the administrator off comes back by itself.
func TestPushThatCutsOff(t *testing.T) {
	w := newWorkstation(t)
	w.write("hosts", "")
	w.write("ethers", "")
	text := read(t, w.site+"/site.toml")
	text, _, _ = strings.Cut(text, "[netboot]")
	w.write("site.toml", strings.ReplaceAll(text, "192.168.32.", "192.168.40."))
	begin := time.Now()
	out, err := w.pushes("-within", "5s")
	if err == nil || time.Since(begin) < 5*time.Second {
		t.Errorf("nobody was cut off: %v after %v\n%s", err, time.Since(begin), out)
	}
	saysAll(t, "push", out, "ssh admin@192.168.40.1 gatehouse confirm 1", "push: ")
	testnet.Eventually(t, patience, "the old site is back", func() bool {
		_, err := w.ssh("true")
		return err == nil
	})
	w.runs("taken back", 0, false)
	w.works("taken back")

	// Now the administrator is on the new network too.
	w.lan.AddAddr("eth0", "192.168.40.9/24")
	out, err = w.pushes("-within", "30s")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	saysAll(t, "push", out, "ssh admin@192.168.40.1 gatehouse confirm", "is kept.")
	if out, err := w.lan.Try("ping", "-c1", "-w1", "192.168.32.1"); err == nil {
		t.Errorf("the old address is still there:\n%s", out)
	}
	w.unbroken()
}
