#!/usr/bin/env bash
# Apache Kafka (KRaft) for tests: jars from Maven Central, brokers on 127.0.0.1 only.
# Needs bash, Java 17 or later, Maven (for install only), keytool (for --secure only).
#
#   kafka.sh install [DIR]             put the broker's jars in DIR/lib
#   kafka.sh start [--nodes N] [--dir D] [--port P] [--secure] [--props FILE] [--fresh]
#                                      start what is not running, wait until ready, print the bootstrap address
#   kafka.sh stop    [--dir D]         SIGTERM, then SIGKILL after KAFKA_STOP_S (20) seconds
#   kafka.sh kill    NODE [--dir D]    SIGKILL one node (a crash)
#   kafka.sh restart NODE [--dir D]    start a node again (stops it first if it runs), wait until ready
#   kafka.sh status  [--dir D]         one line a node; exit 0 only if all run, 3 otherwise
#   kafka.sh logs NODE | clean | bootstrap  [--dir D]
#
# Node i (1..N): PLAINTEXT on P+i-1, controller on P+100+i-1, with --secure SASL_SSL on P+200+i-1.
# --secure: SCRAM-SHA-256/512 users admin/admin-secret (super user) and alice/alice-secret (no rights: give ACLs),
#   certificate in D/tls/ca.pem, StandardAuthorizer; PLAINTEXT clients (User:ANONYMOUS) stay super users.
# --props FILE: lines added to every server.properties (last wins); @ID@ @PORT@ @CPORT@ @SPORT@ @DIR@ are replaced.
# Topics are never created by themselves: what a test does not create does not exist.
# Environment: KAFKA_VERSION, KAFKA_SH_HOME (jars and the default D), KAFKA_HEAP_OPTS, KAFKA_READY_S, KAFKA_STOP_S.
set -euo pipefail

VERSION=${KAFKA_VERSION:-4.4.0} LOG4J=2.25.5
HOME_DIR=${KAFKA_SH_HOME:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/wasmflow/kafka}
JAVA=${JAVA_HOME:+$JAVA_HOME/bin/}java KEYTOOL=${JAVA_HOME:+$JAVA_HOME/bin/}keytool
CLUSTER_ID=MkU3OEVBNTcwNTJENDM2Qg PASS=changeit
NODES='' PORT='' DIR='' SECURE='' PROPS='' FRESH='' ARG=''

say() { echo "kafka.sh: $*" >&2; }
die() { say "$*"; exit 1; }
lock() { # file descriptor, file
	command -v flock >/dev/null || return 0
	eval "exec $1>\"\$2\""
	flock -w 300 "$1" || die "$2 is locked by another kafka.sh"
}

install_jars() {
	local home=$1 lib=$1/lib tmp
	mkdir -p "$home"
	lock 8 "$home/.lock"
	if [[ $(cat "$lib/.version" 2>/dev/null) == "$VERSION" ]]; then exec 8>&- && return; fi
	command -v mvn >/dev/null || die "mvn (Maven) is not installed: it is needed once, to fetch Kafka's jars"
	tmp=$(mktemp -d "$home/lib.XXXXXX")
	cat >"$tmp/pom.xml" <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>kafka-broker</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$VERSION</version></dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>$LOG4J</version></dependency>
</dependencies></project>
XML
	say "resolving kafka_2.13:$VERSION"
	if ! mvn -q -B -f "$tmp/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$tmp/jars" >&2; then
		rm -rf "$tmp"
		die "maven could not resolve kafka_2.13:$VERSION"
	fi
	echo "$VERSION" >"$tmp/jars/.version"
	rm -rf "$lib"
	mv "$tmp/jars" "$lib"
	rm -rf "$tmp"
	exec 8>&-
}

# State: $DIR/cluster.env, $DIR/nodeI/{pid,server.properties,server.log,data}.
load() {
	[[ -f $DIR/cluster.env ]] || return 1
	# shellcheck disable=SC1091
	. "$DIR/cluster.env"
}
pid_of() { # prints the pid if node $1 runs; a pid that another program took over does not count
	local p
	p=$(cat "$DIR/node$1/pid" 2>/dev/null) || return 1
	kill -0 "$p" 2>/dev/null || return 1
	if command -v ps >/dev/null; then
		[[ $(ps -ww -o args= -p "$p" 2>/dev/null) == *"$DIR/node$1/server.properties"* ]] || return 1
	fi
	echo "$p"
}
bootstrap() {
	local i s=''
	for ((i = 0; i < NODES; i++)); do s+=,127.0.0.1:$((PORT + i)); done
	echo "${s#,}"
}
check_node() {
	if ! [[ $1 =~ ^[0-9]+$ ]] || (($1 < 1 || $1 > NODES)); then die "no node '$1' (1..$NODES)"; fi
}

node() { # the node that the command names
	load || die "no cluster in $DIR"
	check_node "$ARG"
}

make_tls() {
	[[ -f $DIR/tls/ca.pem ]] && return
	rm -rf "$DIR/tls"
	mkdir -p "$DIR/tls"
	"$KEYTOOL" -genkeypair -alias kafka -keyalg RSA -keysize 2048 -validity 3650 -dname CN=localhost -ext bc:c=ca:true \
		-ext san=ip:127.0.0.1,dns:localhost -storetype PKCS12 -keystore "$DIR/tls/kafka.p12" -storepass $PASS >/dev/null 2>&1
	"$KEYTOOL" -exportcert -rfc -alias kafka -keystore "$DIR/tls/kafka.p12" -storepass $PASS >"$DIR/tls/ca.pem.new" 2>/dev/null
	mv "$DIR/tls/ca.pem.new" "$DIR/tls/ca.pem"
}

configure() { # writes node $1's server.properties
	local id=$1 d=$DIR/node$1 p=$((PORT + $1 - 1)) rf=$((NODES < 3 ? NODES : 3)) voters='' i
	local isr=$((NODES < 3 ? 1 : 2)) listeners="PLAINTEXT://127.0.0.1:$p"
	for ((i = 1; i <= NODES; i++)); do voters+=,$i@127.0.0.1:$((PORT + 99 + i)); done
	[[ -z $SECURE ]] || listeners+=",SASL_SSL://127.0.0.1:$((p + 200))"
	mkdir -p "$d"
	{
		cat <<PROPS
process.roles=broker,controller
node.id=$id
controller.quorum.voters=${voters#,}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listeners=$listeners,CONTROLLER://127.0.0.1:$((p + 100))
advertised.listeners=$listeners
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
log.dirs=$d/data
auto.create.topics.enable=false
default.replication.factor=$rf
min.insync.replicas=$isr
offsets.topic.replication.factor=$rf
transaction.state.log.replication.factor=$rf
transaction.state.log.min.isr=$isr
share.coordinator.state.topic.replication.factor=$rf
share.coordinator.state.topic.min.isr=$isr
offsets.topic.num.partitions=8
transaction.state.log.num.partitions=8
share.coordinator.state.topic.num.partitions=8
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
log.cleaner.dedupe.buffer.size=8388608
controlled.shutdown.enable=true
PROPS
		[[ -z $SECURE ]] || cat <<PROPS
sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.ssl.keystore.type=PKCS12
listener.name.sasl_ssl.ssl.keystore.location=$DIR/tls/kafka.p12
listener.name.sasl_ssl.ssl.keystore.password=$PASS
listener.name.sasl_ssl.ssl.key.password=$PASS
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:ANONYMOUS;User:admin
PROPS
		[[ -z $PROPS ]] || sed -e "s|@ID@|$id|g;s|@PORT@|$p|g;s|@CPORT@|$((p + 100))|g;s|@SPORT@|$((p + 200))|g;s|@DIR@|$DIR|g" "$PROPS"
	} >"$d/server.properties"
}

format_node() {
	local d=$DIR/node$1 a=() m
	[[ -f $d/data/meta.properties ]] && return
	if [[ -n $SECURE ]]; then for m in 256 512; do
		a+=(--add-scram "SCRAM-SHA-$m=[name=admin,password=admin-secret]" --add-scram "SCRAM-SHA-$m=[name=alice,password=alice-secret]")
	done; fi
	"$JAVA" -Xmx128m -XX:TieredStopAtLevel=1 -cp "$HOME_DIR/lib/*" kafka.tools.StorageTool format --ignore-formatted \
		--cluster-id $CLUSTER_ID --config "$d/server.properties" ${a[@]+"${a[@]}"} >"$d/format.log" 2>&1 ||
		{ cat "$d/format.log" >&2 && return 1; }
}

launch() {
	local d=$DIR/node$1
	[[ ! -f $d/server.log ]] || mv -f "$d/server.log" "$d/server.log.1"
	# shellcheck disable=SC2086
	nohup "$JAVA" ${KAFKA_HEAP_OPTS:--Xms256m -Xmx512m} -Dlog4j.shutdownHookEnabled=false -Dlog4j2.configurationFile="$DIR/log4j2.properties" \
		-cp "$HOME_DIR/lib/*" kafka.Kafka "$d/server.properties" >"$d/server.log" 2>&1 </dev/null 9>&- &
	echo $! >"$d/pid"
}

blame() { # node, what: the end of its log, then die
	tail -n 20 "$DIR/node$1/server.log" >&2
	die "node $1 $2"
}
wait_ready() { # nodes...
	local i end=$((SECONDS + ${KAFKA_READY_S:-120}))
	for i in "$@"; do
		until grep -q 'Kafka Server started' "$DIR/node$i/server.log" 2>/dev/null; do
			kill -0 "$(cat "$DIR/node$i/pid")" 2>/dev/null || blame "$i" died # by the pid alone: it may not have become java yet
			((SECONDS < end)) || blame "$i" "not ready in time (KAFKA_READY_S)"
			sleep 0.2
		done
	done
}

end_nodes() { # nodes...: SIGTERM all, SIGKILL those left
	local i p end=$((SECONDS + ${KAFKA_STOP_S:-20}))
	for i in "$@"; do if p=$(pid_of "$i"); then kill -TERM "$p" 2>/dev/null || true; fi; done
	for i in "$@"; do
		while p=$(pid_of "$i"); do
			if ((SECONDS >= end)); then kill -KILL "$p" 2>/dev/null || true; fi
			sleep 0.2
		done
		rm -f "$DIR/node$i/pid"
	done
}

all() { seq 1 "$NODES"; }
port_free() {
	if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then die "port $1 is in use: choose another --port"; fi
}

do_start() {
	local n=$NODES p=$PORT s=$SECURE pr=$PROPS i new=()
	if load; then
		if [[ -n $FRESH ]]; then
			do_clean
		elif [[ -n $n && $n != "$NODES" || -n $p && $p != "$PORT" || -n $s && $s != "$SECURE" ]]; then
			die "$DIR holds another cluster ($NODES node(s), port $PORT, secure '${SECURE}'): use --fresh or another --dir"
		else
			n=$NODES p=$PORT s=$SECURE pr=${pr:-$PROPS}
		fi
	fi
	NODES=${n:-1} PORT=${p:-19092} SECURE=$s PROPS=$pr
	[[ $NODES =~ ^[1-9]$ && $PORT =~ ^[0-9]+$ ]] || die "bad --nodes or --port"
	command -v "$JAVA" >/dev/null || die "java is not installed: Java 17 or later is needed"
	install_jars "$HOME_DIR"
	printf '%s\n' rootLogger.level=INFO rootLogger.appenderRef.c.ref=C appender.c.type=Console appender.c.name=C \
		appender.c.layout.type=PatternLayout 'appender.c.layout.pattern=[%d] %p %m (%c)%n' >"$DIR/log4j2.properties"
	printf 'NODES=%q PORT=%q SECURE=%q PROPS=%q\n' "$NODES" "$PORT" "$SECURE" "$PROPS" >"$DIR/cluster.env"
	[[ -z $SECURE ]] || make_tls
	for i in $(all); do
		pid_of "$i" >/dev/null && continue
		port_free $((PORT + i - 1))
		port_free $((PORT + i + 99))
		[[ -z $SECURE ]] || port_free $((PORT + i + 199))
		configure "$i"
		format_node "$i" || die "format of node $i failed"
		new+=("$i")
	done
	for i in ${new[@]+"${new[@]}"}; do launch "$i"; done
	# shellcheck disable=SC2046
	wait_ready $(all)
	bootstrap
}
# shellcheck disable=SC2046
do_stop() { end_nodes $(all); }
do_clean() {
	do_stop
	rm -rf "$DIR"/node[1-9] "$DIR/tls" "$DIR/cluster.env"
}

main() {
	local verb=${1:-} i p rc=0
	shift || true
	while (($#)); do
		case $1 in
			--nodes) NODES=$2 && shift 2 ;;
			--port) PORT=$2 && shift 2 ;;
			--dir) DIR=$2 && shift 2 ;;
			--props) PROPS=$(cd "$(dirname "$2")" && pwd)/$(basename "$2") && shift 2 ;;
			--secure) SECURE=1 && shift ;;
			--fresh) FRESH=1 && shift ;;
			-*) die "unknown option $1" ;;
			*) ARG=$1 && shift ;;
		esac
	done
	if [[ $verb == install ]]; then
		install_jars "${ARG:-$HOME_DIR}"
		echo "${ARG:-$HOME_DIR}/lib"
		return
	fi
	DIR=${DIR:-$HOME_DIR/run}
	mkdir -p "$DIR"
	DIR=$(cd "$DIR" && pwd)
	lock 9 "$DIR/.lock"
	case $verb in
		start) do_start ;;
		stop) if load; then do_stop; fi ;;
		clean) if load; then do_clean; fi ;;
		kill)
			node
			p=$(pid_of "$ARG") || die "node $ARG does not run"
			kill -KILL "$p"
			while pid_of "$ARG" >/dev/null; do sleep 0.1; done
			rm -f "$DIR/node$ARG/pid"
			;;
		restart)
			node
			end_nodes "$ARG"
			launch "$ARG"
			wait_ready "$ARG"
			;;
		status)
			load || { echo "no cluster in $DIR" && return 3; }
			for i in $(all); do
				if p=$(pid_of "$i"); then
					echo "node $i 127.0.0.1:$((PORT + i - 1)) up pid $p"
				else
					echo "node $i 127.0.0.1:$((PORT + i - 1)) down" && rc=3
				fi
			done
			return $rc
			;;
		bootstrap) if load; then bootstrap; else die "no cluster in $DIR"; fi ;;
		logs) node && cat "$DIR/node$ARG/server.log" ;;
		*) sed -n '2,20s/^# \{0,1\}//p' "$0" >&2 && return 2 ;;
	esac
}
main "$@"
