package vmtest

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// maxImage is the budget for an image in bytes: the kernel, and what is in use on the root disk, which is all
// files, the journal, and the file system itself.
const maxImage = 39_400_000

// TestSize measures the image of the reference site; dumpe2fs is the judge of the disk.
func TestSize(t *testing.T) {
	t.Parallel()
	img := theImage(t, homeImage)
	out, err := exec.CommandContext(t.Context(), "dumpe2fs", "-h", img.Root).Output()
	if err != nil {
		t.Fatal(err)
	}
	number := func(field string) (n int64) {
		_, value, _ := strings.Cut(string(out), "\n"+field+":")
		if _, err := fmt.Sscan(value, &n); err != nil {
			t.Fatalf("dumpe2fs: %s: %v", field, err)
		}
		return n
	}
	kernel, root := size(img.Kernel), (number("Block count")-number("Free blocks"))*number("Block size")
	t.Logf("kernel %d, root disk %d, together %d of %d bytes", kernel, root, kernel+root, maxImage)
	if kernel == 0 || kernel+root > maxImage {
		t.Errorf("kernel %d and root disk %d are %d bytes, the budget is %d", kernel, root, kernel+root, maxImage)
	}
}
