package Test::LLMBatch::Server::Rerank;

# Copyright (C) The ngx_http_llm_batch_module authors

# /rerank: as => "jina" (also without a name), "vllm", "infinity", "voyage", and,
# by the path /v2/rerank, Cohere; in the shape of Text Embeddings Inference to a
# request with "texts".  Results come by score, the best first.

use v5.36;

use parent 'Test::LLMBatch::Server';

use Test::LLMBatch::Server qw/ js seed texts_of tokens_of vector /;


sub _cohere($self) { return $self->{path} =~ m!/v2/rerank$! }

# a pair of query and document each

sub items($self, $request) {
	return unless ref $request eq 'HASH' and defined $request->{query};

	my $list = $request->{documents} // $request->{texts};

	return unless ref $list eq 'ARRAY';
	return map { [ $request->{query}, $_ ] } @$list;
}

sub one($self, $request) {
	my $name = exists $request->{texts} ? 'texts' : 'documents';
	return { %$request, $name => [ $request->{$name}[0] ] };
}

sub exact($self, $request) { return 0 }

sub counts($self) { return qw/ prompt_tokens total_tokens / }

sub usage_paths($self) {
	return $self->_cohere() ? 'meta.billed_units' : 'usage';
}

sub error($self, $status, $message) {
	return js({ id => $self->id(), message => $message })
		if $self->_cohere();
	return js({ error => { message => $message, type => 'BadRequestError',
		param => undef, code => $status } }) if $self->{as} eq 'vllm';
	return js({ error => $message, error_type => 'Validation' })
		if $self->{as} eq 'tei';
	return js({ detail => $message });
}

sub refuse($self, $request, $how) {
	my @items = $self->items($request);
	my $n = @items;

	return 422, js({ error => "batch size $n > maximum allowed batch size"
		. ' 32', error_type => 'Validation' })
		if exists $request->{texts} and $n > 32;
	return 400, $self->error(400, 'invalid request: at most 1000 documents')
		if $self->_cohere() and $n > 1000;
	return;
}

sub headers($self, $request) {
	return exists $request->{texts} ? { 'x-tokenization-time' => 0 } : {};
}

sub answer($self, $request, $how) {
	my @pairs = $self->items($request);
	my $tokens = tokens_of(@pairs);
	my $model = $request->{model} // '';
	my $voyage = $self->{as} eq 'voyage';
	my $top = ($voyage ? $request->{top_k} : $request->{top_n}) || @pairs;
	my @e = map {
		my ($v) = vector(seed($model, $pairs[$_]), 1);
		[ $_, $v + 0.5, $pairs[$_][1] ]
	} 0 .. $#pairs;

	@e = sort { $b->[1] <=> $a->[1] || $a->[0] <=> $b->[0] } @e;
	splice @e, $top if $top < @e;
	@e = $self->disturb($how, @e);

	return $self->_tei($request, @e) if exists $request->{texts};

	my $results = ($voyage ? '"data":[' : '"results":[') . join(',', map {
		my $index = $self->index_of($_) =~ s/,$//r;
		my $score = sprintf '"relevance_score":%.16f', $_->[1];
		my $document = $self->_document($request, $_->[2]);

		'{' . join(',', grep { $_ ne '' }
			$self->{as} eq 'infinity' ? ($score, $index, $document)
			: $self->{as} eq 'vllm' ? ($index, $document, $score)
			: $voyage ? ($score, $index, $document)
			: ($index, $score, $document)) . '}'
	} @e) . ']';

	$model = js($model);

	# what is billed: a unit for each 100 documents that are begun

	return '{"id":"' . $self->id() . qq!",$results,"meta":{"api_version":!
		. '{"version":"2"},"billed_units":{"search_units":'
		. int((@pairs + 99) / 100) . '}}}' if $self->_cohere();
	return '{"id":"' . $self->id('rerank-') . qq!","model":$model,!
		. qq!"usage":{"prompt_tokens":$tokens,"total_tokens":$tokens},!
		. "$results}" if $self->{as} eq 'vllm';
	return qq!{"object":"rerank",$results,"model":$model,"usage":!
		. qq!{"prompt_tokens":$tokens,"total_tokens":$tokens},"id":"!
		. $self->id('infinity-') . '","created":1760000000}'
		if $self->{as} eq 'infinity';
	return qq!{"object":"list",$results,"model":$model,"usage":{!
		. qq!"total_tokens":$tokens}}! if $voyage;
	return qq!{"model":$model,"object":"list","usage":{"total_tokens":!
		. qq!$tokens},$results}!;
}

sub _document($self, $request, $document) {
	my $text = js((texts_of($document))[0]);
	my $wanted = $request->{return_documents} // 1;

	return $request->{return_documents} ? qq!"document":$text! : ''
		if $self->{as} eq 'voyage';

	return qq!"document":{"text":$text,"multi_modal":null}!
		if $self->{as} eq 'vllm';
	return '' if $self->_cohere();
	return '"document":' . ($request->{return_documents} ? $text : 'null')
		if $self->{as} eq 'infinity';
	return $wanted ? qq!"document":{"text":$text}! : '';
}

sub _tei($self, $request, @e) {
	return '[' . join(',', map {
		'{' . $self->index_of($_)
			. ($request->{return_text}
				? '"text":' . js($_->[2]) . ',' : '')
			. sprintf('"score":%.16f}', $_->[1])
	} @e) . ']';
}

1;
