package Test::LLMBatch;

# Copyright (C) The ngx_http_llm_batch_module authors

# Integration tests: one nginx per test file on a loopback address of its own,
# mock backends, clients, and checks at the end of every file.  See t/README.

use v5.36;

use Digest::SHA qw/ sha1 /;
use Exporter qw/ import /;
use File::Basename qw/ basename /;
use File::Path qw/ remove_tree /;
use File::Temp qw/ tempdir /;
use IO::Socket::IP;
use List::Util qw/ sum0 uniq /;
use Test2::API qw/ test2_stack /;
use Test::More ();

use Test::LLMBatch::Backend;
use Test::LLMBatch::Client;
use Test::LLMBatch::JSON;
use Test::LLMBatch::Metrics;
use Test::LLMBatch::Proc qw/ slurp /;
use Test::LLMBatch::Server;
use Test::LLMBatch::Speed qw/ scaled slow /;

our @EXPORT = qw/ is_own_answer is_batched own_answer_problem scaled
	usage_sum wait_for /;

my $slow = slow();

# pids, by objects that done() was not called of yet

my %open;

# kinds of listeners, and the one that this file's clients come by

my @kinds = qw/ address wildcard ipv6 unix tls /;
my ($came_by, $by);

my $binary = $ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx';
my $features = `$binary -V 2>&1`;

# path, '' if linked in, undef if there is none

my $module = $ENV{TEST_NGINX_MODULE}
	// ($features =~ /add-module=\S*llm.batch/ ? '' : undef);

# $llm_batch_*; the first six are also sent as headers, X-Status and so on

my @variables = qw/ status reason close id size index adapter model task mode
	wait tokens upstream_time group cost saved key provider operation prefix tier
	output_tokens cached_tokens /;


# who only asks whether a file is red need not see it through

_ends_with_first() if $ENV{TEST_NGINX_FIRST};

sub _ends_with_first {
	my $pid = $$;

	test2_stack()->top()->listen(sub ($hub, $event, @) {
		return unless $$ == $pid and $event->causes_fail();
		print STDERR '# the first to fail: ', $event->name() // '', "\n";
		exit 1;
	});
}


# options: but => { kind of listener => why it makes no sense here }

sub new($class, $title = '', %o) {
	my $self = bless {
		pid => $$, conf => '', expected => [], backends => {},
		addr => sprintf('127.%d.%d.%d',
			64 + ($$ >> 16 & 63), $$ >> 8 & 255, $$ & 255),
		dir => tempdir('/tmp/llm-batch-test-XXXXXX'),
	}, $class;

	$open{$self} = $$;
	srand(my $seed = $ENV{LLMB_SEED} || $$);
	$self->listen(_kind($o{but} // {}));
	Test::More::note(sprintf '%s: seed %s, %s, listen %s, time-outs x %.1f',
		$title, $seed, $self->{addr}, $self->{listen}, $slow);

	chmod 0755, $self->{dir};
	mkdir "$self->{dir}/tmp";

	for (qw/ ASAN UBSAN LSAN /) {
		$ENV{"${_}_OPTIONS"} = join ':', grep { defined }
			$ENV{"${_}_OPTIONS"}, "log_path=$self->{dir}/asan";
	}

	return $self;
}

# of old: how many tests a file makes, nobody has to count

sub plan($self, $n) { return $self }

# skips the file unless nginx has all of the features

sub has($self, @features) {
	for my $name (@features) {
		my $have = $name eq 'llm_batch' ? defined $module
			: $name eq 'debug' ? $features =~ /--with-debug/
			: $name eq 'crash_points'
				? slurp($module || $binary) =~ /LLMB_CRASH_FILE/
			: $name eq 'inject' ? $ENV{TEST_NGINX_INJECT}
			: $name eq 'prlimit' ? !system 'prlimit > /dev/null 2>&1'
			: $name =~ /^http_(?:rewrite|gzip|proxy|map|limit_req)$/
				? $features !~ /--without-$name/
			: $features =~ /--with-${name}_module/;

		next if $have;
		Test::More::plan(skip_all => "no $name");
	}

	return $self;
}

#
# The kind of listener that is asked for, or whose turn it is: which one that is
# depends on the file's name, so all kinds are used by some file in each run,
# and by each file in the runs with TEST_NGINX_TURN from 0 to 4.
#

sub _kind($but) {
	my $kind = $ENV{TEST_NGINX_LISTEN} || 'turns';

	$kind = $kinds[(unpack('N', sha1(basename($0)))
			+ ($ENV{TEST_NGINX_TURN} || 0)) % @kinds]
		if $kind eq 'turns';

	my $why = $but->{$kind} // _missing($kind) or return $kind;

	Test::More::note("address instead of $kind: $why");
	return 'address';
}

sub _missing($kind) {
	return $kind eq 'tls' && !eval { require IO::Socket::SSL }
			? 'no IO::Socket::SSL'
		: $kind eq 'ipv6' && !IO::Socket::IP->new(LocalHost => '::1',
			Listen => 1) ? 'no ::1'
		: undef;
}

#
# The kind of listener that clients come by; nginx has it in addition to that
# of its address, so "address" is none.  To be called before conf().
#

sub listen($self, $kind) {
	my %at = (addr => $self->{addr}, port => 8080);

	if ($kind eq 'wildcard') {
		%at = (addr => $self->{addr}, port => _free_port('0.0.0.0'));
		$self->{also} = "*:$at{port}";

	} elsif ($kind eq 'ipv6') {
		%at = (addr => '::1', port => _free_port('::'));
		$self->{also} = "[::]:$at{port}";

	} elsif ($kind eq 'unix') {
		%at = (path => "$self->{dir}/nginx.sock");
		$self->{also} = "unix:$at{path}";

	} elsif ($kind eq 'tls') {
		Test::More::plan(skip_all => 'no IO::Socket::SSL')
			unless eval { require IO::Socket::SSL };
		%at = (addr => $self->{addr}, port => 8444, tls => 1);
		$self->{also} = "$self->{addr}:8444 ssl";
		$self->certificate('listen');

	} elsif ($kind eq 'address') {
		$self->{also} = '';

	} else {
		die "no such kind of listener: $kind\n";
	}

	$self->{listen} = $came_by = $kind;
	$by = $$;
	$self->{at} = \%at;

	return $self;
}

# a wildcard address excludes all others of a port, so it has one of its own;
# below those that connections are given

sub _free_port($any) {
	for (1 .. 200) {
		my $port = 10_000 + ($$ * 7 + $_ * 331) % 20_000;

		return $port if IO::Socket::IP->new(LocalHost => $any,
			LocalPort => $port, Listen => 1, V6Only => 1);
	}

	die "no free port\n";
}

# NAME.pem and NAME.key, of whom "subject" says, signed by itself or by "ca"

sub certificate($self, $name, %o) {
	my $file = "$self->{dir}/$name";
	my $ca = $o{ca} ? "-CA $self->{dir}/$o{ca}.pem "
		. "-CAkey $self->{dir}/$o{ca}.key" : '';

	system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
		. "-nodes -days 2 -subj '" . ($o{subject} // '/CN=localhost')
		. "' $ca -keyout $file.key -out $file.pem > /dev/null 2>&1")
		== 0 or Test::More::plan(skip_all => 'no openssl');

	return $self;
}

sub addr($self) { return $self->{addr} }
sub dir($self) { return $self->{dir} }


# files

sub write_file($self, $name, $content) {
	open my $fh, '>', "$self->{dir}/$name" or die "open $name: $!";
	print $fh $content;
	close $fh or die "close $name: $!";
	return $self;
}

sub read_file($self, $name) { return slurp("$self->{dir}/$name") }

sub write_file_expand($self, $name, $content) {
	my %word = (GLOBALS => $self->_globals($content),
		GLOBALS_HTTP => $self->_globals_http(),
		TEST_HEADERS => join("\n", 'add_header X-Worker $pid always;',
			map { "add_header X-\u$_ \$llm_batch_$_ always;" }
				defined $module ? @variables[0 .. 5] : ()),
		ADDR => $self->{addr}, DIR => $self->{dir});

	$content =~ s/%%(\w+)%%/$word{$1} \/\/ die "unknown %%$1%%"/ge;

	if ($name eq 'nginx.conf') {
		# not in a text that was read from there

		$content =~ s/(listen\s+$self->{addr}:8080)\b([^;]*);/
			$1 . $2 . ';' . $self->_listen_also($2)/gex
			if $self->{also}
				and index($content, "listen $self->{also}") < 0;
		$self->{conf} = $content;
	}

	return $self->write_file($name, $content);
}

#
# The configuration most tests need: a zone, the backend at port 8081, a server
# at port 8080 with /pid and /llm-batch.  $locations goes into the server;
# options: main, http, server, listen (parameters), workers, zone (size).
#

sub conf($self, $locations, %o) {
	my $workers = $o{workers} // 1;
	my ($zone, $status) = ('', '');
	my $text = sub ($name) { $o{$name} // '' };

	if (defined $module) {
		$zone = 'llm_batch_zone zone=llm:' . ($o{zone} // '8m') . ';';
		$status = 'location = /llm-batch { llm_batch_status; }';
	}

	$o{listen} //= 'reuseport backlog=1024' if $workers > 1;

	return $self->write_file_expand('nginx.conf', <<END);
%%GLOBALS%%
worker_processes $workers;
@{[ $text->('main') ]}
events { worker_connections 2048; }
http {
    %%GLOBALS_HTTP%%
    $zone
    upstream backend { server %%ADDR%%:8081 max_fails=0; keepalive 16; }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    @{[ $text->('http') ]}
    server {
        listen %%ADDR%%:8080 @{[ $text->('listen') ]};
        %%TEST_HEADERS%%
        location = /pid { return 200 \$pid; }
        $status
        @{[ $text->('server') ]}
        $locations
    }
}
END
}

# a Unix domain socket cannot be bound by each worker

sub _listen_also($self, $parameters) {
	my $tls = $self->{at}{tls} ? " ssl_certificate $self->{dir}/listen.pem;"
		. " ssl_certificate_key $self->{dir}/listen.key;" : '';

	$parameters =~ s/\breuseport\b// if $self->{at}{path};
	return " listen $self->{also} $parameters;$tls";
}

sub _globals($self, $content) {
	my $level = $ENV{TEST_NGINX_CATLOG} || $ENV{TEST_NGINX_LEAVE}
		? 'debug' : 'info';
	my @g = ("pid $self->{dir}/nginx.pid;",
		"error_log $self->{dir}/error.log $level;",
		'master_process on;');

	push @g, "load_module $module;" if $module;
	push @g, 'user root;' if $> == 0;
	push @g, 'daemon off;' unless $content =~ /^\s*daemon\s/m;

	return join "\n", @g, $ENV{TEST_NGINX_GLOBALS} // '';
}

# the log_format "llm": a JSON object a line, read by access_log()

sub _globals_http($self) {
	my %log = (request => 'request', code => 'status', worker => 'pid',
		time => 'request_time', upstream => 'upstream_addr',
		upstream_status => 'upstream_status',
		upstream_response_time => 'upstream_response_time',
		map { $_ => "llm_batch_$_" } defined $module ? @variables : ());
	my $format = join ",'\n\t'",
		map { qq!"$_":"\$$log{$_}"! } sort keys %log;

	return join "\n", "log_format llm escape=json '{$format}';",
		"access_log $self->{dir}/access.log llm;",
		'client_body_temp_path tmp/body;', 'proxy_temp_path tmp/proxy;',
		'fastcgi_temp_path tmp/fastcgi;', 'uwsgi_temp_path tmp/uwsgi;',
		'scgi_temp_path tmp/scgi;', $ENV{TEST_NGINX_GLOBALS_HTTP} // '';
}

sub access_log($self) {
	return map { decode_json($_) }
		split /^/, $self->read_file('access.log');
}


# processes; reload, upgrade, kill9, workers, quit, stop as in Proc

sub run($self) {
	$self->{proc} = $self->_proc();
	$self->{proc}->start();
	$self->{start} = $self->metrics() if $self->_has_status();

	return $self;
}

sub _proc($self) {
	return Test::LLMBatch::Proc->new(binary => $binary, slow => $slow,
		dir => $self->{dir}, conf => $self->{conf},
		preload => $self->{preload});
}

# a library for LD_PRELOAD of nginx

sub preload($self, $library) { $self->{preload} = $library }

sub _has_status($self) {
	return defined $module
		&& $self->{conf} =~ m!location\s*=\s*/llm-batch\s*\{!;
}

# exit code and output of nginx -t with the present configuration

sub check_conf($self) { return $self->_proc()->check() }

sub proc($self) { return $self->{proc} }
sub stop($self) { return $self->{proc}->stop() }
sub quit($self, @a) { return $self->{proc}->quit(@a) }
sub workers($self, @a) { return $self->{proc}->workers(@a) }
sub kill9($self, $worker) { return $self->{proc}->kill9($worker) }
sub upgrade($self, @a) { return $self->{proc}->upgrade(@a) }
sub reload($self, @a) { return $self->{proc}->reload($self->{conf}, @a) }

sub backend($self, $port = 8081, %o) {
	return $self->{backends}{$port} = Test::LLMBatch::Backend->new(%o,
		addr => $self->{addr}, port => $port, dir => $self->{dir});
}

sub waitforfile($self, $name) {
	return wait_for(sub { -e "$self->{dir}/$name" });
}

sub wait_for :prototype(&;$) ($cond, $seconds = 5) {
	return Test::LLMBatch::Proc::poll($cond, $seconds * $slow);
}

# the lines of the log of the n requests that "run" makes, and what it returns

sub logged($self, $n, $run) {
	my @log;

	truncate "$self->{dir}/access.log", 0;

	my @r = $run->();

	wait_for {
		@log = grep { $_->{request} =~ /^POST/ } $self->access_log();
		@log == $n;
	} or Test::More::diag("expected $n lines, got " . @log);

	return \@log, @r;
}


# clients; see Test::LLMBatch::Client; handshakes of TLS take their time, and
# what is at another port listens on the test's address

sub client($self, %o) {
	my %at = $o{port} ? (addr => $self->{addr}) : %{$self->{at}};

	return Test::LLMBatch::Client->new(%at, home => $self->{addr}, %o,
		slow => $at{tls} ? 3 * $slow : $slow);
}

sub request($self, @a) { return $self->client()->request(@a) }
sub burst($self, @a) { return $self->client()->burst(@a) }

sub load($self, %o) {
	return $self->client()->load(check => \&own_answer_problem, %o);
}

#
# Makes requests meet whatever the machine does: a plug, one item of a request
# like the first (or "like") that the backend holds, takes the only slot, so
# llm_batch_concurrency has to be 1; the others gather, and once all have
# (queued => n), "then" runs and the plug is answered.  Returns the responses
# without that of the plug.
#

sub plugged($self, $backend, $requests, %o) {
	my $client = $self->client();
	my $queued = $o{queued} // @$requests;
	my $like = $o{like} // $requests->[0];
	my $one = Test::LLMBatch::Server::of($like->{uri})->one($like->{body});
	my $before = () = $backend->calls();

	$backend->next({ hold => 1 });
	my $plug = $client->start({ uri => $like->{uri},
		headers => $like->{headers} // {}, body => $one });

	wait_for {
		$client->pump($plug);
		$before < (() = $backend->calls());
	} or die "the plug did not get to the backend\n";

	my $rest = $client->start(@$requests);

	wait_for {
		$client->pump($rest);
		($self->metric('llm_batch_queue_requests') // 0) >= $queued;
	} or Test::More::diag("llm_batch_queue_requests is below $queued");

	$o{then}->() if $o{then};
	$backend->release() if $backend->{pid};
	$client->finish($plug);

	return $client->finish($rest);
}


# metrics

sub metrics($self) {
	my $r = $self->request({ uri => '/llm-batch?format=prometheus' });
	return {} unless ($r->{status} // 0) == 200;
	return Test::LLMBatch::Metrics::parse($r->{body});
}

sub metric($self, $selector) {
	return Test::LLMBatch::Metrics::value($self->metrics(), $selector);
}

# waits for it, as counting may come after answering

sub metric_is($self, $selector, $value, $name = "$selector is $value") {
	my $got;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_for { ($got = $self->metric($selector) // 'missing') eq $value } 2;
	return Test::More::is($got, $value, $name);
}


# answers

# '' or what is wrong: the answer must be what the backend alone would give,
# byte for byte, but for ids of calls and counts of tokens that are estimates

sub own_answer_problem($r, $body = $r->{sent}) {
	return "error: $r->{error}" if $r->{error};
	return "status $r->{status}: $r->{body}" if $r->{status} != 200;

	my $request = ref $body ? $body : decode_json($body);
	my $server = Test::LLMBatch::Server::of($r->{request}{uri});
	my $exact = $server->exact($request);
	my ($want, $got) = map { $server->comparable($_, $exact) }
		$server->answer($request, {}), $r->{body};
	my %usage = %{$server->usage(eval { decode_json($r->{body}) } // {})};
	my $items = () = $server->items($request);
	my $problem = _usage_problem($items, %usage);

	return $problem if $problem;
	return $want eq $got ? '' : 'got ' . substr($got, 0, 400)
		. "\nnot " . substr($want, 0, 400);
}

# counts by path: a token for each item, and totals that are sums

sub _usage_problem($items, %usage) {
	my %n = map { s/.*\.//r => $usage{$_} } keys %usage;
	my ($in, $out, $all) = @n{qw/ prompt_tokens completion_tokens
		total_tokens /};

	($in, $all) = @n{qw/ promptTokenCount totalTokenCount /}
		if exists $n{totalTokenCount};
	$in //= $all // $n{input_tokens} // $n{prompt_eval_count};

	return 'no token for an item' if defined $in and $in < $items;
	return 'token counts differ'
		if defined $all and $in + ($out // 0) != $all;
	return '';
}

sub is_own_answer($responses, $name = 'own answers') {
	my @problems = grep { $_ ne '' } map { own_answer_problem($_) }
		ref $responses eq 'ARRAY' ? @$responses : $responses;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return Test::More::ok(!@problems, $name) || !Test::More::diag(
		scalar @problems . " problems, the first: $problems[0]");
}

# the tokens of the input that all responses together tell

sub usage_sum(@responses) {
	return sum0 map {
		my $server = Test::LLMBatch::Server::of($_->{request}{uri});
		my %usage = %{$server->usage($_->{json})};
		my ($path) = map { my $name = $_;
			grep { /(?:^|\.)$name$/ } keys %usage
		} qw/ prompt_tokens promptTokenCount input_tokens
			prompt_eval_count tokens_read total_tokens
			billableCharacterCount /;
		$path ? $usage{$path} : 0;
	} @responses;
}

# responses (told apart by X-Id) or calls of a backend make up into => n calls,
# the latter with items => n in all

sub is_batched($list, %o) {
	my $calls = @$list && exists $list->[0]{conn};
	my $n = $calls ? @$list
		: uniq map { $_->{headers}{'x-id'} // '' } @$list;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return Test::More::is($n, $o{into}, $o{name} // "into $o{into} calls")
		if !$calls or !defined $o{items};

	return Test::More::is(join(', ', sort { $a <=> $b }
			map { $_->{items} } @$list),
		join(', ', sort { $a <=> $b } @{$o{items}}),
		$o{name} // "into $o{into} calls of @{$o{items}}");
}


# the end

# patterns of problems that the test means to cause; see _problems()

sub expect($self, @patterns) {
	push @{$self->{expected}}, @patterns;
	return $self;
}

sub done($self) {
	my @problems = $self->_problems();

	for my $re (@{$self->{expected}}) {
		@problems = grep { $_ !~ $re } @problems;
	}

	Test::More::ok(!@problems, 'clean end')
		or Test::More::diag(join "\n", splice @problems, 0, 20);
	Test::More::done_testing();
	delete $open{$self};
}

# a file that ends without, in whatever way, has proved nothing

END {
	Test::More::diag("TEST_NGINX_LISTEN=$came_by")
		if $came_by and $by == $$
			and $? || !Test::More->builder->is_passing();

	if ($? == 0 and Test::More->builder->current_test()
		and grep { $_ == $$ } values %open)
	{
		Test::More::diag('without a call of done()');
		$? = 1;
	}
}

sub _problems($self) {
	my $proc = $self->{proc};
	my @p;

	if ($proc and $proc->running()) {
		push @p, $self->_invariants() if $self->_has_status();
		push @p, 'nginx does not quit' unless $proc->quit();

	} elsif ($proc and $proc->started()) {
		push @p, 'nginx is gone before its end';
	}

	push @p, grep {
		/\[(?:emerg|alert|crit)\]|exited (?:on signal|with code [1-9])/
			or /Sanitizer|runtime error:/
	} map { split /\n/, $self->read_file($_) } qw/ error.log stderr.log /;

	push @p, map { "sanitizer report: $_\n" . substr slurp($_), 0, 4000 }
		glob "$self->{dir}/asan*";

	push @p, map { "the backend at port $_ died" }
		grep { $self->{backends}{$_}->died() }
			keys %{$self->{backends}};

	return @p;
}

# nothing may be left of the requests that were answered

sub _invariants($self) {
	my @bad;

	wait_for { !(@bad = $self->_left()) };
	return @bad;
}

sub _left($self) {
	my $used = 'llm_batch_zone_bytes{state="used"}';
	my %want = ((map { +"llm_batch_$_" => 0 } qw/ queue_requests
			inflight_calls zone_requests zone_calls
			illegal_transitions_total /),
		$used => $self->_value($self->{start}, $used));
	my $m = $self->metrics();

	return map { "metric $_ is " . $self->_value($m, $_)
			. ", not $want{$_}" }
		grep { $self->_value($m, $_) ne $want{$_} } sort keys %want;
}

sub _value($self, $m, $name) {
	return Test::LLMBatch::Metrics::value($m, $name) // 'missing';
}

sub DESTROY($self) {
	return unless $self->{pid} == $$;

	local ($?, $@);
	$_->stop() for grep { $_ } values %{$self->{backends}};
	$self->{proc}->stop() if $self->{proc};

	Test::More::diag($self->read_file('error.log'))
		if $ENV{TEST_NGINX_CATLOG};

	return Test::More::diag("left: $self->{dir}") if $ENV{TEST_NGINX_LEAVE};
	remove_tree($self->{dir});
}

1;
