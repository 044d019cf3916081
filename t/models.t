#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards llm_batch_models: what is wrong in a catalogue is told with its line;
# the first match wins; limits bound calls and keep items out of them; costs
# are those of the tokens that the upstream has counted; and the catalogue that
# comes with the module loads, and has no model that is never found.  Also that
# the estimate of tokens is corrected by what the upstream counts.

use v5.36;

use List::Util qw/ first sum0 uniq /;
use Test::More;
use POSIX ();

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::JSON;

my $t = Test::LLMBatch->new('catalogue of models')->has('llm_batch');
my $mock = $t->backend();
my $uri = '/v1/embeddings';
my $shipped = "$FindBin::Bin/../contrib/models.json";

my $catalogue = <<'JSON';
{ "comment": "a test", "models": [
    { "match": "few-1", "max_items": 3, "comment": { "max_items": "x" } },
    { "match": "few-*", "max_items": 5, "more": [ 1 ] },
    { "match": "small", "max_call_tokens": 40 },
    { "match": "short", "max_input_tokens": 20 },
    { "match": "paid-*", "provider": "p", "batch_discount": 0.5,
      "price": { "input": 0.02, "output": 1.5 } },
    { "match": "gemini-x", "price": { "input": 3 } },
    { "match": "free", "price": { "input": 0 } }
] }
JSON

errors();
accepted();
contrib();

for my $workers (1, 4) {
	conf($workers);
	$t->run();

	limits();
	tokens();
	costs($workers);
	calibration();

	$t->quit() if $workers == 1;
}

$t->expect(qr/llm_batch_models/);
$t->done();


sub conf ($workers) {
	$t->write_file('models.json', $catalogue);
	$t->conf(<<'EOF', workers => $workers, http => 'llm_batch_models models.json;');
llm_batch zone=llm;
llm_batch_adapter openai_embeddings openai_completions gemini_embed;
llm_batch_concurrency 1;
llm_batch_max_size 64;
llm_batch_max_wait 20s;

location / {
    proxy_pass http://backend;
}
location /two/ {
    llm_batch_max_size 2;
    proxy_pass http://backend/;
}
location /tokens/ {
    llm_batch_max_tokens 20;
    proxy_pass http://backend/;
}
location /large/ {
    llm_batch_max_tokens 200;
    proxy_pass http://backend/;
}
location /once/ {
    llm_batch_dedup on;
    proxy_pass http://backend/;
}
location /cut/ {
    llm_batch_max_tokens 15;
    proxy_pass http://backend/;
}
location /strict/ {
    llm_batch_fallback off;
    proxy_pass http://backend/;
}
EOF
}

# what nginx -t says to a catalogue

sub check ($json, $line = 'llm_batch_models models.json;') {
	$t->write_file('models.json', $json);
	$t->conf("location / {\nllm_batch zone=llm;\n"
		. "proxy_pass http://backend;\n}", http => $line);

	my ($rc, $out) = $t->check_conf();
	my ($emerg) = $out =~ /\[emerg\] (.*)/;

	return $rc, $emerg // '';
}

sub refused ($name, $expected, $rc, $emerg) {
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	ok($rc == 1 && $emerg =~ /\Q$expected\E in \S+nginx\.conf:\d+/,
		"refused: $name") or diag("$rc: $emerg");
}

sub errors {
	my $where = 'llm_batch_models "models.json"';

	# JSON

	for (
		[ "{\n\"models\": [\n{,}]}", 3 ], [ '', 1 ], [ '{"models": [', 1 ],
		[ "{\"models\": []}\n\n x", 3 ],
		[ "{\"models\":\n[{\"match\":\"a\",\n\"match\":\"b\"}]}", 3 ],
		[ "{\"models\":\n[{\"match\":\"\xff\"}]}", 2 ],
	) {
		my ($json, $line) = @$_;
		my ($rc, $emerg) = check($json);

		ok($rc == 1 && $emerg =~ /\Q$where:$line: \E\S/,
			'refused, with its line: ' . $json =~ s/[^!-~]+/ /gr)
			or diag("$rc: $emerg");
	}

	for my $json ('[]', '{}', '{"models": {}}', '{"model": []}') {
		refused($json, "$where:1: an object with an array \"models\" expected",
			check($json));
	}

	# values: the model, on line 4 or 5, and what is said

	my $integer = 'must be an integer of 1 to 1000000000';
	my $price = 'must be a number of 0 to 100000';

	for (
		[ '1', 4, 'model 2 must be an object' ],
		[ '{}', 4, 'model 2 must have a "match"' ],
		[ "\n{\"match\": 1}", 5,
			'"match" of model 2 must be a string that is not empty' ],
		[ "{\n\"match\": \"\"}", 5,
			'"match" of model 2 must be a string that is not empty' ],
		[ "{\"match\": \"m\",\n\"provider\": []}", 5,
			'"provider" of model "m" must be a string that is not empty' ],
		(map { [ "{\"match\": \"m*\",\n\"max_items\": $_}", 5,
			"\"max_items\" of model \"m*\" $integer" ] }
			'0', '-1', '1.5', '"8"', 'null', 'true', '1000000001', '[]'),
		[ "{\"max_input_tokens\": 0,\n\"match\": \"m\"}", 4,
			"\"max_input_tokens\" of model \"m\" $integer" ],
		[ "{\"max_call_tokens\": -5,\n\"match\": \"m\"}", 4,
			"\"max_call_tokens\" of model \"m\" $integer" ],
		(map { [ "{\"match\": \"m\",\n\"price\": $_}", 5,
			'"price" of model "m" must be an object with an "input"' ] }
			'1', 'null', '{}', '[]', '{"output": 1}'),
		(map { [ "{\"match\": \"m\", \"price\": {\n\"input\": $_}}", 5,
			"\"input\" of model \"m\" $price" ] }
			'-0.1', '"1"', 'null', '100000.5', '1e300'),
		[ "{\"match\": \"m\", \"price\": {\"input\": 1,\n\"output\": -1}}",
			5, "\"output\" of model \"m\" $price" ],
		[ "{\"match\": \"m\", \"price\": {\"input\": 1,\n\"cached\": -1}}",
			5, "\"cached\" of model \"m\" $price" ],
		[ "{\"match\": \"m\", \"price\": {\"input\": 1,\n"
			. "\"cache_write\": \"1\"}}",
			5, "\"cache_write\" of model \"m\" $price" ],
		(map { [ "{\"match\": \"m\",\n\"tiers\": $_}", 5,
			'"tiers" of model "m" must be an object of up to 8 numbers' ] }
			'1', '["flex"]', 'null',
			'{' . join(',', map { "\"$_\": 1" } 1 .. 9) . '}'),
		(map { [ "{\"match\": \"m\",\n\"tiers\": $_}", 5,
			'"tiers" of model "m" must have names of up to 32 characters, '
			. 'and numbers of 0 to 100' ] }
			'{"flex": "1"}', '{"flex": -1}', '{"flex": 100.5}', '{"": 1}',
			'{"' . 'x' x 33 . '": 1}'),
		(map { [ "{\"match\": \"m\",\n\"reasoning\": $_}", 5,
			'"reasoning" of model "m" must be true or false' ] }
			'0', 'null', '"false"'),
		(map { [ "{\"match\": \"m\",\n\"batch_discount\": $_}", 5,
			'"batch_discount" of model "m" must be a number of 0 to 1' ] }
			'1.1', '-1', '"x"'),
	) {
		my ($model, $line, $what) = @$_;

		# the same names elsewhere are not taken for them

		my $json = <<"JSON";
{ "x": { "match": 1, "max_items": 0 }, "y": [ { "models": [ 1 ] } ],
"models": [
{ "match": "other", "max_items": 1, "price": { "input": 1, "output": 1 } },
$model,
{ "match": "a", "max_items": 2, "price": { "input": 1 } } ] }
JSON
		refused($model =~ s/\s+/ /gr, "$where:$line: $what", check($json));
	}

	# the file

	refused('no such file', 'absent.json" failed (2: No such file or '
		. 'directory)', check('', 'llm_batch_models absent.json;'));
	refused('a directory', 'not a file of up to 4 megabytes',
		check('', 'llm_batch_models .;'));

	# nobody writes to it before nginx has been waiting for long

	my $fifo = $t->dir() . '/fifo';
	POSIX::mkfifo($fifo, 0600) or die "mkfifo: $!\n";

	my $writer = fork() // die "fork: $!\n";

	if (!$writer) {
		sleep 20;
		open my $fh, '+<', $fifo;
		POSIX::_exit(0);
	}

	my $before = time();
	refused('a FIFO', 'not a file of up to 4 megabytes',
		check('', 'llm_batch_models fifo;'));
	cmp_ok(time() - $before, '<', 15, 'refused: a FIFO, at once');
	kill 'KILL', $writer;
	waitpid $writer, 0;

	refused('too large', 'not a file of up to 4 megabytes',
		check(' ' x (4 * 1024 * 1024 + 1)));
	refused('no value', 'invalid number of arguments in "llm_batch_models" '
		. 'directive', check('', 'llm_batch_models;'));
	refused('twice', '"llm_batch_models" directive is duplicate',
		check('{"models": []}',
			'llm_batch_models off; llm_batch_models models.json;'));

	my ($rc, $emerg) = check('', 'server { llm_batch_models a.json; }');
	ok($rc == 1 && $emerg =~ /not allowed/, 'refused: in a server');
}

sub accepted {
	my ($dir) = $t->dir();

	for my $line ('off', 'models.json', "$dir/models.json") {
		my ($rc, $emerg) = check($catalogue, "llm_batch_models $line;");
		is($rc, 0, 'accepted: ' . $line =~ s/\Q$dir\E/dir/r)
			or diag($emerg);
	}

	is((check('{"models": []}'))[0], 0, 'accepted: no models');
	is((check('{"models": [{"match": "*", "max_items": 1000000000,'
		. ' "price": {"input": 100000, "output": 0}}]}'))[0], 0,
		'accepted: the largest values');
}

sub contrib {
	my $json = slurp($shipped);
	my ($rc, $emerg) = check($json);

	is($rc, 0, 'contrib/models.json loads') or diag($emerg);

	my @models = @{decode_json($json)->{models}};
	my @match = map { $_->{match} } @models;

	cmp_ok(scalar @models, '>', 20, 'contrib/models.json: models');
	is(scalar(uniq @match), scalar @match,
		'contrib/models.json: every match is there once');
	is(scalar(grep { !$_->{provider} } @models), 0,
		'contrib/models.json: every model has a provider');

	# in their order, none is hidden by one before it

	my @hidden = grep {
		my $match = $_;
		my $name = $match =~ s/\*/-x/gr;
		$match ne first { my $re = join '.*', map { quotemeta }
			split /\*/, $_, -1; $name =~ /^$re$/ } @match;
	} @match;

	is("@hidden", '', 'contrib/models.json: every model can be found');
}

sub slurp ($file) {
	open my $fh, '<', $file or die "$file: $!";
	local $/;
	return scalar <$fh>;
}


sub of ($model, $input, $where = '') {
	return { uri => "$where$uri", body => { model => $model,
		input => $input } };
}

sub sizes { return join ' ', map { $_->{items} } $mock->calls() }

sub meet (@requests) {
	$mock->reset();
	return $t->plugged($mock, \@requests);
}

sub limits {
	my @r = meet(map { of('few-1', "text $_") } 1 .. 6);
	is_own_answer(\@r, 'max_items');
	is(sizes(), '1 3 3', 'max_items: the first match wins');

	@r = meet(map { of('few-2', "text $_") } 1 .. 6);
	is(sizes(), '1 5 1', 'max_items: the next match');

	@r = meet(map { of('few', "text $_") } 1 .. 6);
	is(sizes(), '1 6', 'max_items: no match');

	@r = meet(map { of('few-1', "text $_", '/two') } 1 .. 4);
	is(sizes(), '1 2 2', 'max_items: llm_batch_max_size is lower');

	$mock->reset();
	my $r = $t->request(of('few-1', [ map { "text $_" } 1 .. 7 ]));
	is_own_answer($r, 'max_items: an array is cut');
	is(join(' ', sort map { $_->{items} } $mock->calls()), '1 3 3',
		'max_items: calls of an array');

	# the deployment of a path

	@r = map { { uri => '/openai/deployments/few-1/embeddings',
		body => { input => "text $_" } } } 1 .. 4;
	@r = meet(@r);
	is(sizes(), '1 3 1', 'max_items: a model in the path');
}

sub tokens {
	my @ten = (1 .. 10);

	my @r = meet(map { of('small', [ [ $_, @ten[1 .. 9] ] ]) } 1 .. 6);
	is(sizes(), '1 4 2', 'max_call_tokens');

	@r = meet(map { of('small', [ [ $_, @ten[1 .. 9] ] ], '/tokens') }
		1 .. 4);
	is(sizes(), '1 2 2', 'max_call_tokens: llm_batch_max_tokens is lower');

	@r = meet(map { of('small', [ [ $_, @ten[1 .. 9] ] ], '/large') }
		1 .. 6);
	is(sizes(), '1 4 2', 'max_call_tokens: llm_batch_max_tokens is higher');

	# items

	for (
		[ 'tokens, as many', [ 1 .. 20 ], '' ],
		[ 'tokens, one more', [ 1 .. 21 ], 'tokens' ],
		[ 'a text', join(' ', 1 .. 12), '' ],
		[ 'a text that may be too large', join(' ', 1 .. 13), 'tokens' ],
		[ 'bytes', 'x' x 78, '' ],
		[ 'a byte more', 'x' x 79, 'tokens' ],
		[ 'several', [ ('a b c') x 9 ], '' ],
		[ 'one of several', [ 'a', 'b ' x 20, 'c' ], 'tokens' ],
	) {
		my ($name, $input, $reason) = @$_;
		my $r = $t->request(of('short', $input));

		is($r->{status}, 200, "max_input_tokens: $name");
		is($r->{headers}{'x-reason'}, $reason || 'company',
			"max_input_tokens: $name: reason");
		is($r->{headers}{'x-status'}, $reason ? 'BYPASS' : 'SINGLE',
			"max_input_tokens: $name: status");
	}

	is($t->request(of('m', [ 1 .. 21 ]))->{headers}{'x-status'}, 'SINGLE',
		'max_input_tokens: of another model');
}

# the lines of the log of these requests, without that of a plug

sub logged ($n, $run) {
	$mock->reset();

	my ($log, @r) = $t->logged($n, $run);

	return \@r, grep { $n == 1 || $_->{status} ne 'SINGLE' } @$log;
}

sub usd ($n) { return sprintf '%.9f', $n }

sub costs ($workers) {
	my $before = $t->metric('llm_batch_cost_usd_total');
	my $text = 'some words of a text ';

	# what the upstream has counted, of all in the call

	my ($r, @log) = logged(6, sub { $t->plugged($mock, [ map {
		of('paid-1', $text x $_) } 1 .. 5 ]) });

	is(usd(sum0 map { $_->{cost} } @log),
		usd(0.02e-6 * usage_sum(@$r)), 'cost: of what was counted');
	is((sum0 map { $_->{tokens} } @log), usage_sum(@$r), 'cost: tokens');
	is((grep { $_->{cost} ne usd(0.02e-6 * $_->{tokens}) } @log), 0,
		'cost: of each member');
	is((grep { $_->{saved} ne '0.000000000' } @log), 0, 'cost: nothing saved');

	# alone: as estimated, or as counted in an array

	($r, @log) = logged(1, sub { $t->request(of('paid-2', [ [ 1 .. 50 ] ])) });
	is($log[0]{cost}, '0.000001000', 'cost: alone');

	my $now = $t->metric('llm_batch_cost_usd_total');
	cmp_ok($now, '>', $before, 'cost: metric');

	($r, @log) = logged(1, sub { $t->request({ uri => $uri,
		headers => { 'Idempotency-Key' => 'k' },
		body => { model => 'paid-2', input => [ [ 1 .. 50 ] ] } }) });
	is($log[0]{cost}, '0.000001000', 'cost: passed through');
	is($t->metric('llm_batch_cost_usd_total'), $now,
		'cost: passed through, not in the metric');

	# with output

	($r, @log) = logged(4, sub { $t->plugged($mock, [ map {
		{ uri => '/v1/completions', body => { model => 'paid-3',
			prompt => "say $_", max_tokens => 8 } } } 1 .. 3 ]) });
	my ($in, $out) = map { my $name = $_;
		sum0 map { $_->{json}{usage}{$name} } @$r }
		qw/ prompt_tokens completion_tokens /;
	cmp_ok($out, '>', 0, 'cost: there is output');
	is(usd(sum0 map { $_->{cost} } @log), usd(0.02e-6 * $in + 1.5e-6 * $out),
		'cost: with output');

	# cut

	($r, @log) = logged(1, sub { $t->request(of('paid-1',
		[ map { "$text $_" } 1 .. 7 ], '/cut')) });
	is_own_answer($r->[0], 'cost: cut');
	is($log[0]{cost}, usd(0.02e-6 * $r->[0]{json}{usage}{prompt_tokens}),
		'cost: of all parts');

	# errors cost nothing, and who has no price has no cost

	($r, @log) = logged(3, sub {
		$mock->script(many => { status => 401 });
		return $t->plugged($mock, [ map { of('paid-4', "x $_", '/strict') }
			1, 2 ]);
	});
	is("@{[ map { qq!$_->{status} $_->{cost}! } @log ]}",
		join(' ', ('FAILED 0.000000000') x 2), 'cost: errors');

	for (
		[ 'free', of('free', 'x'), '0.000000000' ],
		[ 'no price', of('few-1', 'x'), '' ],
		[ 'no entry', of('m', 'x'), '' ],
		[ 'no item', of('paid-1', []), '' ],
		[ 'a model in the path', { uri =>
			'/v1beta/models/gemini-x:embedContent', body => { content =>
			{ parts => [ { text => 'one' } ] } } }, '0.000003000' ],
	) {
		my ($name, $request, $cost) = @$_;

		(undef, @log) = logged(1, sub { $t->request($request) });
		is($log[0]{cost}, $cost, "cost: $name");
		is($log[0]{saved}, $cost && '0.000000000', "saved: $name");
	}

	saved($text);
}

sub saved ($text) {
	my $before = $t->metric('llm_batch_saved_usd_total');
	my ($a, $b) = map { "$_ " . $text x 4 } qw/ a b /;

	# four of five are not sent, and would have cost as much each

	my ($r, @log) = logged(6, sub { $t->plugged($mock, [ map {
		of('paid-1', $_, '/once') } ($a) x 5 ]) });
	my $paid = 0.02e-6 * usage_sum(@$r);

	is(usd(sum0 map { $_->{cost} } @log), usd($paid), 'saved: what was paid');
	is(usd(sum0 map { $_->{saved} } @log), usd(4 * $paid), 'saved: copies');
	is(usd($t->metric('llm_batch_saved_usd_total')),
		usd($before + 4 * $paid), 'saved: metric');

	# by tokens, not by items: the copies are short

	($r, @log) = logged(6, sub { $t->plugged($mock, [ map {
		of('paid-1', $_, '/once') } $b x 20, ('short') x 4 ]) });
	my $share = (sum0 map { $_->{saved} } @log)
		/ (sum0 map { $_->{cost} } @log);
	cmp_ok($share, '<', 0.1, 'saved: short copies');
	cmp_ok($share, '>', 0, 'saved: but not nothing');
}

# this mock counts about 1.8 tokens for one that is estimated

sub calibration {
	my $text = 'abcdefg ' x 27;
	my $ratio = sub ($name) {
		my $json = $t->request({ uri => '/llm-batch?format=json' })->{json};
		return map { $_->{token_ratio} } grep { $_->{name} eq ":$name" }
			@{$json->{zones}{llm}{groups}};
	};

	my @r = meet(map { of('words', "$text $_", '/large') } 1 .. 6);
	is_own_answer(\@r, 'ratio: own answers');
	is(sizes(), '1 6', 'ratio: 200 tokens are 6 texts of 32, as estimated');

	my ($first) = $ratio->('words');
	cmp_ok($first, '>', 1, 'ratio: learned');
	cmp_ok($first, '<', 1.6, 'ratio: but not all of it at once');

	meet(map { of('words', "$text $_", '/large') } 1 .. 12) for 1 .. 12;

	my ($last) = $ratio->('words');
	cmp_ok($last, '>', 1.6, 'ratio: what the upstream counts');
	cmp_ok($last, '<', 1.9, 'ratio: and not more');

	@r = meet(map { of('words', "$text $_", '/large') } 1 .. 6);
	is_own_answer(\@r, 'ratio: own answers again');
	is(sizes(), '1 3 3', 'ratio: 200 tokens are 3 texts of 56');

	# what is exact is not corrected

	meet(map { of('ids', [ [ $_, 1 .. 9 ] ], '/large') } 1 .. 12);
	is(($ratio->('ids'))[0], 1, 'ratio: none of arrays of tokens');
}
