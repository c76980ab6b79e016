package archive_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// TestFullDisk: what does not fit is an error, and half a file is not left there.
func TestFullDisk(t *testing.T) {
	bin := ours(t)
	for _, tt := range []struct{ name, line, left string }{
		{"tar x", "tar xf ../t.tar", ""},
		{"tar c", "tar cf t.tar ../noise", "t.tar"},
		{"tar cz", "tar czf t.tgz ../noise", "t.tgz"},
		{"cpio -i", "cpio -i --quiet <../t.cpio", ""},
		{"gunzip", "gunzip n.gz", "n.gz"},
		{"gzip", "gzip m", "m"},
		{"bunzip2", "bunzip2 n.bz2", "n.bz2"},
		{"unxz", "unxz n.xz", "n.xz"},
	} {
		script := `set -e
mount -t tmpfs tmpfs /mnt; cd /mnt; mkdir small; mount -t tmpfs -o size=256k tmpfs small
head -c 400000 /dev/urandom >noise; tar cf t.tar noise; echo noise | cpio -o --quiet -H newc >t.cpio
head -c 1000000 /dev/zero >zero; cd small
case "` + tt.name + `" in
gunzip) gzip -c ../zero >n.gz ;; bunzip2) bzip2 -c ../zero >n.bz2 ;; unxz) /usr/bin/xz -c ../zero >n.xz ;;
gzip) head -c 200000 ../noise >m ;;
esac
set +e; ` + tt.line + `; echo "status $?"; ls -A`
		cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--propagation", "private", "/bin/dash", "-c", script)
		cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", "LC_ALL=C"}
		var complaint bytes.Buffer
		cmd.Stderr = &complaint
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s (needs root): %v %s", tt.name, err, &complaint)
		}
		if want := strings.TrimSpace("status 1\n" + tt.left); strings.TrimSpace(string(out)) != want {
			t.Errorf("%s: %q, want %q", tt.name, out, want)
		}
		if !strings.Contains(complaint.String(), "No space left") {
			t.Errorf("%s says %q", tt.name, &complaint)
		}
	}
}
