# there
scp $C near/text root@127.0.0.1:$PWD/far/new
scp $C near/text root@127.0.0.1:$PWD/far/old
scp $C near/text root@127.0.0.1:$PWD/far
scp $C -p near/text root@127.0.0.1:$PWD/far
scp $C -r near/tree root@127.0.0.1:$PWD/far/tree
scp $C -rp near/tree root@127.0.0.1:$PWD/far/copy
scp $C near/tree root@127.0.0.1:$PWD/far
scp $C near/text near/tree/a root@127.0.0.1:$PWD/far/tree
scp $C near/text near/tree/a root@127.0.0.1:$PWD/far/old
scp $C near/nosuch near/text root@127.0.0.1:$PWD/far/tree
scp $C near/text root@127.0.0.1:$PWD/nosuch/x
scp $C near/text scp://root@127.0.0.1:$P/$PWD/far/url
# here
scp $C root@127.0.0.1:$PWD/far/old near
scp $C root@127.0.0.1:$PWD/far/old near/text
scp $C -p root@127.0.0.1:$PWD/far/other near/kept
scp $C -r root@127.0.0.1:$PWD/far near
scp $C -rp root@127.0.0.1:$PWD/far/tree near/new
scp $C root@127.0.0.1:$PWD/far/tree near
scp $C "root@127.0.0.1:$PWD/far/o*" near
scp $C "root@127.0.0.1:$PWD/far/[!t]*" near
scp $C "root@127.0.0.1:$PWD/far/{old,other}" near
scp $C root@127.0.0.1:$PWD/far/old root@127.0.0.1:$PWD/far/other near
scp $C root@127.0.0.1:$PWD/far/old root@127.0.0.1:$PWD/far/other near/text
scp $C root@127.0.0.1:$PWD/far/nosuch near
scp $C root@127.0.0.1:$PWD/far/nosuch root@127.0.0.1:$PWD/far/old near
scp $C root@127.0.0.1:$PWD/far/old nosuch/x
mkdir ./a:b; scp $C root@127.0.0.1:$PWD/far/old ./a:b
cp far/other near/-x; cd near; scp -P $P -i ../id -o UserKnownHostsFile=../known -o BatchMode=yes -o LogLevel=ERROR -- -x root@127.0.0.1:$PWD/y
# dropbear
scp -P $D -i rsa $B near/text root@127.0.0.1:$PWD/far/new
scp -P $D -i rsa $B -r root@127.0.0.1:$PWD/far near
# not so
scp $C near/text
scp $C -Z near/text root@127.0.0.1:$PWD/far
scp -P 1 near/text root@127.0.0.1:$PWD/far
~ cp copies here
scp near/text near/other
~ one end must be here
scp $C root@127.0.0.1:$PWD/far/old root@127.0.0.1:$PWD/far/third
